//! The scheduler: events in virtual time, each at its own, and what a world consists of.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
};

use msm_proto::{
    Answer, CommandId, Input, Options, Output, Role, Slot, Status, Takeover, Time, backplane::BackplaneInput,
};

use crate::{
    MS, SLOTS, US,
    broken::Broken,
    chassis::Chassis,
    checks::Checks,
    digest::Digest,
    faults::Faults,
    host::Process,
    index,
    link::Link,
    random::Random,
    tables::Tables,
    tree::{Instance, Tree},
};

/// What happens at a time.
#[derive(Debug)]
pub(crate) enum Event {
    Start(Slot),
    Input(Slot, Instance, Input),
    /// The effect happens; its result follows.
    Effect(Slot, Instance, Output),
    Connect,
    /// The next frame of this direction and channel.
    Deliver {
        to: Slot,
        link: u64,
        channel: usize,
    },
    /// An MSM's own thread: a kick, a word to the backplane.
    Thread(Slot, Instance, Thread),
    /// The backplane of this start hears something.
    Backplane(u64, BackplaneInput),
    /// The backplane of this start powers a slot.
    Power(u64, Slot),
    /// A backplane begins.
    Chassis,
}

/// What the threads of an MSM beside its machine do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thread {
    /// It connects to chassis.sock.
    Hello,
    /// Its watchdog's time has come.
    Kick,
    /// The backplane wants an answer.
    Pong(u64),
    /// The backplane says that the peer is being reset.
    Notice(u64, msm_proto::Trigger),
    /// The backplane says what fabrics there are.
    Fabrics([msm_proto::backplane::Fabric; 4]),
    /// The backplane is dead: it may have to be started again.
    Revive(u32),
    /// Its self test after a boot has passed.
    Passed,
}

struct Scheduled {
    when: u64,
    serial: u64,
    event: Event,
}

/// The earliest is the greatest: what a heap gives first.
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.when, other.serial).cmp(&(self.when, self.serial))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

/// Changes a frame, or leaves it.
pub(crate) type Intercept = fn(&[u8]) -> Option<Vec<u8>>;

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) random: Random,
    pub(crate) tree: Tree,
    pub(crate) tables: Tables,
    pub(crate) processes: [Option<Process>; 2],
    /// The backplane; `None`: slots have power of their own.
    pub(crate) chassis: Option<Chassis>,
    pub(crate) checks: Checks,
    pub(crate) digest: Digest,
    pub(crate) answers: BTreeMap<CommandId, Vec<Answer>>,
    /// History, if `verbose`.
    pub(crate) log: Vec<String>,
    pub(crate) verbose: bool,
    /// Serves: (slot, takeover).
    pub(crate) serves: Vec<(Slot, Takeover)>,
    /// Options of both flashes.
    pub(crate) options: Options,
    pub(crate) broken: Broken,
    /// Power: a dead slot boots again.
    pub(crate) power: [bool; 2],
    /// The link connects by itself.
    pub(crate) wired: bool,
    /// Slowest frame, slowest effect.
    pub(crate) frame_delay: u64,
    pub(crate) effect_delay: u64,
    pub(crate) restart_delay: u64,
    pub(crate) faults: Faults,
    /// States of protocols that each was sent.
    pub(crate) states: [Vec<Vec<u8>>; 2],
    /// What each slot's flash was last written with: it outlives processes.
    pub(crate) flash: [Option<CommandId>; 2],
    /// Changes frames on their way to B.
    pub(crate) intercept: Option<Intercept>,
    events: BinaryHeap<Scheduled>,
    serial: u64,
    pub(crate) pids: u32,
    pub(crate) link: Option<Link>,
    pub(crate) links: u64,
    pub(crate) connecting: bool,
    /// Violations in the log.
    noted: usize,
}

impl World {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        Self {
            now: 1_000 * MS,
            random: Random(seed),
            tree: Tree::default(),
            tables: Tables::default(),
            processes: [None, None],
            chassis: None,
            checks: Checks::default(),
            digest: Digest::default(),
            answers: BTreeMap::new(),
            log: Vec::new(),
            verbose: true,
            serves: Vec::new(),
            options,
            broken: Broken::Nothing,
            power: [true; 2],
            wired: true,
            frame_delay: 30 * US,
            effect_delay: 50 * US,
            restart_delay: 5 * MS,
            faults: Faults::default(),
            flash: [None; 2],
            states: Default::default(),
            intercept: None,
            events: BinaryHeap::new(),
            serial: 0,
            pids: 0,
            link: None,
            links: 0,
            connecting: false,
            noted: 0,
        }
    }

    /// Both slots booted, one master and one ready slave.
    #[cfg(test)]
    pub(crate) fn pair(options: Options) -> Self {
        let mut world = Self::new(1, options);
        world.start(Slot::A);
        world.start(Slot::B);
        world.settle();
        world
    }

    pub(crate) fn at(&mut self, after: u64, event: Event) {
        self.serial += 1;
        self.events.push(Scheduled { when: self.now + after, serial: self.serial, event });
    }

    /// `text` is made only for a run whose history is wanted: most runs end well.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if !self.verbose {
            return;
        }
        self.note_violations();
        self.log.push(format!("{:>12.6} {}", self.now as f64 / 1e9, text()));
    }

    fn note_violations(&mut self) {
        while self.noted < self.checks.found.0.len() {
            self.log.push(format!("!!! {}", self.checks.found.0[self.noted]));
            self.noted += 1;
        }
    }

    pub(crate) fn jitter(&mut self, most: u64) -> u64 {
        self.random.range(0, most + 1)
    }

    pub(crate) fn status(&self, slot: Slot) -> Option<Status> {
        self.processes[index(slot)].as_ref().map(|process| process.machine.status())
    }

    pub(crate) fn role(&self, slot: Slot) -> Option<Role> {
        self.processes[index(slot)].as_ref().map(|process| process.machine.role())
    }

    pub(crate) fn master(&self) -> Option<Slot> {
        SLOTS.into_iter().find(|slot| self.role(*slot) == Some(Role::Master))
    }

    /// Whether the process that an event is for still runs.
    pub(crate) fn lives(&self, slot: Slot, instance: Instance) -> bool {
        self.processes[index(slot)].as_ref().is_some_and(|process| process.instance == instance)
    }

    // ---- time --------------------------------------------------------------------------------------------------

    /// Runs until `until`; false if `go_on` says so earlier.
    pub(crate) fn run_while(&mut self, until: u64, mut go_on: impl FnMut(&Self) -> bool) -> bool {
        while go_on(self) {
            let due = SLOTS.into_iter().filter_map(|slot| {
                let process = self.processes[index(slot)].as_ref()?;
                let deadline = process.machine.deadline()?;
                Some((deadline.0.max(process.paused_until).max(self.now), Some(slot)))
            });
            let backplane = self.chassis.as_ref().and_then(Chassis::due);
            let due = due.chain(backplane.map(|when| (when.max(self.now), None)));
            let tick = due.min_by_key(|(when, _)| *when);
            let event = self.events.peek().map(|scheduled| scheduled.when);
            let next = tick.map(|(when, _)| when).into_iter().chain(event).min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.now = self.now.max(until);
                return true;
            };
            self.now = self.now.max(next);
            match tick {
                Some((when, who)) if event.is_none_or(|event| when < event) || self.ticks_first(when) => {
                    self.tick(when, who);
                }
                _ => self.event(),
            }
        }
        false
    }

    /// Who stood still finds its timers and its sockets ready, and may look at the timers first.
    fn ticks_first(&mut self, when: u64) -> bool {
        when <= self.now && self.faults.timers_first && self.random.chance(30)
    }

    fn tick(&mut self, when: u64, who: Option<Slot>) {
        let Some(slot) = who else { return self.backplane(BackplaneInput::Tick) };
        self.input(slot, Input::Tick);
        let deadline = self.processes[index(slot)].as_ref().and_then(|process| process.machine.deadline());
        assert!(
            deadline.is_none_or(|deadline| deadline.0 > when),
            "a Tick that leaves its deadline in the past"
        );
    }

    fn event(&mut self) {
        let Some(Scheduled { event, .. }) = self.events.pop() else { return };
        let paused = match &event {
            Event::Input(slot, ..) | Event::Effect(slot, ..) | Event::Thread(slot, ..) => {
                self.processes[index(*slot)].as_ref().map_or(0, |process| process.paused_until)
            }
            Event::Backplane(..) | Event::Power(..) => {
                self.chassis.as_ref().map_or(0, |chassis| chassis.paused_until)
            }
            _ => 0,
        };
        if paused > self.now {
            return self.at(paused - self.now, event);
        }
        match event {
            Event::Start(slot) => self.start(slot),
            Event::Input(slot, instance, input) if self.lives(slot, instance) => {
                self.process(slot).came(&input);
                self.input(slot, input);
            }
            Event::Effect(slot, instance, effect) if self.lives(slot, instance) => {
                self.effect(slot, instance, effect);
            }
            Event::Thread(slot, instance, thread) if self.lives(slot, instance) => {
                self.thread(slot, instance, thread);
            }
            Event::Input(..) | Event::Effect(..) | Event::Thread(..) => {}
            Event::Connect => self.connect(),
            Event::Deliver { to, link, channel } => self.deliver(to, link, channel),
            Event::Backplane(start, input) => self.backplane_hears(start, input),
            Event::Power(start, slot) => self.powers(start, slot),
            Event::Chassis => self.backplane_begins(),
        }
    }

    pub(crate) fn run(&mut self, length: u64) {
        let until = self.now + length;
        self.run_while(until, |_| true);
    }

    /// The clock steps forward: the whole machine stood still.
    pub(crate) fn jump(&mut self, length: u64) {
        self.note(|| format!("the clock steps forward by {} ms", length / MS));
        let from = self.now;
        self.now += length;
        self.faults.timers_first = true;
        for process in self.processes.iter_mut().flatten() {
            process.truth.stops.push((from, from + length));
        }
    }

    // ---- quiet -------------------------------------------------------------------------------------------------

    /// One master that serves, one slave that has everything.
    pub(crate) fn is_settled(&self) -> bool {
        let Some(master) = self.master() else { return false };
        // Cheap ones first: this is asked after every event.
        if self.role(master.peer()) != Some(Role::Slave) || self.tree.name.is_none_or(|n| n.slot != master) {
            return false;
        }
        if !self.processes[index(master)].as_ref().is_some_and(|process| process.began) {
            return false;
        }
        let (Some(m), Some(s)) = (self.status(master), self.status(master.peer())) else { return false };
        let replicates = m.options.replicate();
        let ready = self.tree.meta.and_then(|meta| meta.ready);
        m.peer.is_some_and(|peer| peer.role == Role::Slave)
            && ready == replicates.then(|| master.peer())
            && m.ready_slot == ready
            && s.ready_slot == ready
            && (!replicates || self.configs_agree())
    }

    fn configs_agree(&self) -> bool {
        let [Some(a), Some(b)] = &self.processes else { return false };
        a.config == b.config
    }

    /// Runs until settled; panics after ten seconds. What was just begun has its effect first.
    #[cfg(test)]
    pub(crate) fn settle(&mut self) {
        self.run(10 * MS);
        if self.try_settle(10_000 * MS) {
            return;
        }
        panic!("not settled:\n{}", self.history());
    }

    pub(crate) fn try_settle(&mut self, within: u64) -> bool {
        let until = self.now + within;
        !self.run_while(until, |world| !world.is_settled())
    }

    pub(crate) fn history(&mut self) -> String {
        self.note_violations();
        let from = self.log.len().saturating_sub(5_000);
        let mut text = self.log[from..].join("\n");
        for slot in SLOTS {
            text += &format!("\n{slot}: {:?}", self.status(slot));
        }
        text + &format!("\ntree {:?} meta {:?} lock {:?}", self.tree.name, self.tree.meta, self.tree.lock)
    }

    pub(crate) fn time(&self) -> Time {
        Time(self.now)
    }
}
