//! The scheduler: events in virtual time, seeded delays, crashes, cuts, and the client.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use msm_proto::{
    Answer, CommandId, History, Identity, Input, Machine, MetaView, Options, Output, Refusal, Role, Slot,
    Status, Takeover, Time,
};

use crate::{
    MS, SLOTS, US,
    checks::Checks,
    host::{self, Process, decode, encode, fails},
    index,
    link::Link,
    random::Random,
    tree::{Instance, Tree},
};

/// Laws that a run may break on purpose: the checkers must see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Broken {
    /// None.
    Nothing,
    /// Release frees the lock but keeps its writable fds.
    OwnerKeepsItsHandle,
    /// The slave acknowledges a record and stores something else.
    AcksWithoutStoring,
    /// META's ready slot is never taken back.
    MetaStaysReady,
    /// A part of a record is cut short on its way.
    CutsParts,
    /// META does not say which redo record is being tried.
    TriesUnmarked,
}

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
}

/// Changes a frame, or leaves it.
pub(crate) type Intercept = fn(&[u8]) -> Option<Vec<u8>>;

/// A failure of the next commit.
#[derive(Clone, Debug)]
pub(crate) enum CommitFault {
    /// Nothing has happened.
    Before(Refusal),
    /// The directory is renamed; the maps could not be opened.
    AfterRename,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) random: Random,
    pub(crate) tree: Tree,
    pub(crate) processes: [Option<Process>; 2],
    pub(crate) checks: Checks,
    pub(crate) answers: BTreeMap<CommandId, Vec<Answer>>,
    /// History, if `verbose`.
    pub(crate) log: Vec<String>,
    pub(crate) verbose: bool,
    /// Serves: (slot, takeover).
    pub(crate) serves: Vec<(Slot, Takeover)>,
    pub(crate) options: Options,
    pub(crate) broken: Broken,
    /// Power: a dead slot boots again.
    pub(crate) power: [bool; 2],
    /// The link connects by itself.
    pub(crate) wired: bool,
    /// Slowest frame, slowest effect.
    pub(crate) frame_delay: u64,
    pub(crate) effect_delay: u64,
    /// Applies that never end.
    pub(crate) apply_hangs: bool,
    /// The next apply ends its process, whatever it applies.
    pub(crate) apply_kills: bool,
    /// What each slot's flash was last written with: it outlives processes.
    /// States of protocols that each was sent.
    pub(crate) states: [Vec<Vec<u8>>; 2],
    pub(crate) flash: [Option<CommandId>; 2],
    /// Why no flash can be written.
    pub(crate) flash_fails: bool,
    /// Writes of a flash that never end.
    pub(crate) flash_hangs: bool,
    /// Answer of hardware checks.
    pub(crate) hardware_fails: bool,
    pub(crate) commit_fault: Option<CommitFault>,
    pub(crate) restart_delay: u64,
    /// A process dies between two outputs of a step: how many in a thousand.
    pub(crate) crashes: u64,
    /// Changes frames on their way to B.
    pub(crate) intercept: Option<Intercept>,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    scheduled: BTreeMap<u64, Event>,
    serial: u64,
    pub(crate) link: Option<Link>,
    pub(crate) links: u64,
    pub(crate) connecting: bool,
    /// Violations in the log.
    noted: usize,
}

/// What it is, without all of a large record.
fn short(what: &impl std::fmt::Debug) -> String {
    let mut text = format!("{what:?}");
    text.truncate(text.floor_char_boundary(600));
    text
}

impl World {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        Self {
            now: 1_000 * MS,
            random: Random(seed),
            tree: Tree::default(),
            processes: [None, None],
            checks: Checks::default(),
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
            apply_hangs: false,
            apply_kills: false,
            flash: [None; 2],
            states: Default::default(),
            flash_fails: false,
            flash_hangs: false,
            hardware_fails: false,
            commit_fault: None,
            restart_delay: 5 * MS,
            crashes: 0,
            intercept: None,
            events: BinaryHeap::new(),
            scheduled: BTreeMap::new(),
            serial: 0,
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
        self.events.push(Reverse((self.now + after, self.serial)));
        self.scheduled.insert(self.serial, event);
    }

    /// `text` is made only for a run whose history is wanted: most runs end well.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if !self.verbose {
            return;
        }
        while self.noted < self.checks.violations.len() {
            self.log.push(format!("!!! {}", self.checks.violations[self.noted]));
            self.noted += 1;
        }
        self.log.push(format!("{:>12.6} {}", self.now as f64 / 1e9, text()));
    }

    pub(crate) fn jitter(&mut self, most: u64) -> u64 {
        self.random.range(0, most + 1)
    }

    // ---- slots -----------------------------------------------------------------------------------------------

    pub(crate) fn start(&mut self, slot: Slot) {
        if self.processes[index(slot)].is_some() {
            return;
        }
        let instance = self.random.next();
        let identity = Identity { slot, instance, pid: 1, version: "0.1.0".into(), image: "primary".into() };
        self.note(|| format!("{slot}: starts as {instance:x}"));
        self.processes[index(slot)] = Some(Process {
            instance,
            machine: Machine::new(identity),
            config: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            paused_until: 0,
            effects_until: 0,
            sessions: Vec::new(),
            options: self.options,
            serves: false,
        });
        let options = self.options;
        let last_owner = self.tree.name.map(|name| name.slot);
        self.input(slot, Input::Boot { options, history: History::default(), last_owner });
        self.wire();
    }

    /// SIGKILL: the lock is free, what was sent is still read, then end of file; the pidfd tells.
    pub(crate) fn kill(&mut self, slot: Slot) {
        let Some(process) = self.processes[index(slot)].take() else { return };
        self.note(|| format!("{slot}: dies"));
        self.checks.replays(&process);
        self.checks.died(slot, &process, &self.tree, self.processes[index(slot.peer())].as_ref());
        self.checks.waiting.retain(|(instance, _)| *instance != process.instance);
        self.tree.die(process.instance);
        let peer = slot.peer();
        if let Some(link) = self.link.take_if(|link| link.ends[index(slot)].1 == process.instance) {
            self.half_close(link, peer, 0);
        }
        if let Some(other) = &self.processes[index(peer)] {
            let instance = other.instance;
            let sessions = other.sessions.iter().filter(|(_, whom)| *whom == process.instance);
            for session in sessions.map(|(session, _)| *session).collect::<Vec<_>>() {
                let delay = 200 * US + self.jitter(300 * US);
                self.at(delay, Event::Input(peer, instance, Input::PeerDead { session }));
            }
        }
        if self.power[index(slot)] {
            let delay = self.restart_delay + self.jitter(5 * MS);
            self.at(delay, Event::Start(slot));
        }
    }

    // ---- the machine's doors -----------------------------------------------------------------------------------

    pub(crate) fn status(&self, slot: Slot) -> Option<Status> {
        self.processes[index(slot)].as_ref().map(|process| process.machine.status())
    }

    pub(crate) fn role(&self, slot: Slot) -> Option<Role> {
        self.processes[index(slot)].as_ref().map(|process| process.machine.role())
    }

    pub(crate) fn master(&self) -> Option<Slot> {
        SLOTS.into_iter().find(|slot| self.role(*slot) == Some(Role::Master))
    }

    /// A planned change; the id is its content.
    pub(crate) fn command(&mut self, slot: Slot, id: u64) {
        self.command_with(slot, id, None);
    }

    pub(crate) fn command_with(&mut self, slot: Slot, id: u64, options: Option<Options>) {
        let id = CommandId(id);
        self.checks.asked(id);
        self.awaits(slot, id);
        self.input(slot, Input::Command { id, record: host::record(id), options });
    }

    /// `synchronize`; the id, with its bit, is what is sent.
    pub(crate) fn synchronize(&mut self, slot: Slot, id: u64) {
        let id = CommandId(host::SYNC | id);
        self.awaits(slot, id);
        self.input(slot, Input::Synchronize { id, bytes: host::flash(id) });
    }

    /// A client of `slot` waits for an answer as long as the process lives.
    fn awaits(&mut self, slot: Slot, id: CommandId) {
        if let Some(process) = &self.processes[index(slot)] {
            self.checks.waiting.insert((process.instance, id));
        }
    }

    pub(crate) fn run_failover(&mut self, slot: Slot, id: u64) {
        self.awaits(slot, CommandId(id));
        self.input(slot, Input::RunFailover { id: CommandId(id) });
    }

    pub(crate) fn pause(&mut self, slot: Slot, length: u64) {
        if let Some(process) = &mut self.processes[index(slot)] {
            // Never shorter than before: events keep their order.
            process.paused_until = process.paused_until.max(self.now + length);
        }
    }

    pub(crate) fn last_answer(&self, id: u64) -> Option<&Answer> {
        self.answers.get(&CommandId(id))?.last()
    }

    pub(crate) fn input(&mut self, slot: Slot, input: Input) {
        let now = Time(self.now);
        if self.processes[index(slot)].is_some() && !matches!(input, Input::Frame { .. } | Input::Tick) {
            self.note(|| format!("{slot} < {}", short(&input)));
        }
        let Some(process) = &mut self.processes[index(slot)] else { return };
        let recorded = self.verbose || process.is_replayed();
        if recorded {
            process.inputs.push((now, input.clone()));
        }
        let outputs = process.machine.step(now, input);
        if recorded {
            process.outputs.extend(outputs.iter().cloned());
        }
        let instance = process.instance;
        for output in outputs {
            let does = !matches!(output, Output::Log { .. });
            if does && self.crashes > 0 && self.random.range(0, 1000) < self.crashes {
                return self.kill(slot);
            }
            // A reset ends the process in the middle of them.
            if self.processes[index(slot)].as_ref().is_some_and(|process| process.instance == instance) {
                self.output(slot, instance, output);
            }
        }
    }

    fn output(&mut self, slot: Slot, instance: Instance, output: Output) {
        if !matches!(output, Output::Send { .. }) {
            self.note(|| format!("{slot} > {}", short(&output)));
        }
        match output {
            Output::Send { session, channel, bytes } => self.send(slot, session, channel, bytes),
            Output::Disconnect { session } => {
                if let Some(link) = self.link.take_if(|link| link.ends[index(slot)].0 == session) {
                    self.half_close(link, slot.peer(), 0);
                    self.wire();
                }
            }
            Output::SetReady { slot: ready, generation, trying } => {
                self.tree.writes(instance, "META");
                let keep = self.broken == Broken::MetaStaysReady && ready.is_none();
                let before = self.tree.meta.and_then(|meta| meta.ready);
                let ready = if keep { before } else { ready };
                if !keep {
                    let process = self.processes[index(slot)].as_ref();
                    let peer = process.and_then(|process| process.machine.status().peer);
                    self.checks.ready = ready.and(peer).map(|peer| peer.identity.instance);
                }
                let trying = trying.filter(|_| self.broken != Broken::TriesUnmarked);
                self.tree.meta = Some(MetaView { ready, generation, trying });
            }
            Output::Answer { id, answer } => {
                self.checks.waiting.remove(&(instance, id));
                self.checks.synchronized(slot.peer(), id, &answer);
                self.checks.answered(slot, id, &answer, &self.tree, &self.processes);
                self.answers.entry(id).or_default().push(answer);
            }
            Output::Replay { record } => self.change(slot, &record),
            Output::State { bytes } => self.states[index(slot)].push(bytes),
            Output::ResetSelf { .. } => self.kill(slot),
            Output::Freeze | Output::Thaw | Output::Log { .. } => {}
            Output::Suspect { .. } | Output::DiagnosticsFailed { .. } => {}
            Output::Subscribe { .. } | Output::Unsubscribe { .. } => {}
            Output::Items { .. } | Output::Delta { .. } => {}
            effect => {
                let when = self.now + self.jitter(self.effect_delay);
                let process = self.process(slot);
                // Each is carried out after those before it.
                process.effects_until = process.effects_until.max(when);
                let delay = process.effects_until - self.now;
                self.at(delay, Event::Effect(slot, instance, effect));
            }
        }
    }

    fn process(&mut self, slot: Slot) -> &mut Process {
        self.processes[index(slot)].as_mut().expect("the process acts, so it lives")
    }

    fn change(&mut self, slot: Slot, record: &[u8]) {
        match host::whole(record) {
            Some(id) => self.process(slot).config.push(id),
            None => {
                self.checks.violations.push(format!("{slot} has half of a record: {} bytes", record.len()));
            }
        }
    }

    /// An effect happens. Its result comes later: a crash can fall between.
    fn effect(&mut self, slot: Slot, instance: Instance, effect: Output) {
        let result = match effect {
            Output::Observe => Input::Observed { name: self.tree.name, meta: self.tree.meta },
            Output::Create => Input::Owned(self.tree.create(slot, instance)),
            Output::Commit { from } => Input::Owned(match self.commit_fault.take() {
                Some(CommitFault::Before(refusal)) => Err(refusal),
                Some(CommitFault::AfterRename) => self.tree.take(from, slot, instance).and_then(|_| {
                    self.tree.release(instance, false);
                    Err(Refusal::Failed("cannot open FDB".into()))
                }),
                None => self.tree.take(from, slot, instance),
            }),
            Output::Reopen { name } => Input::Owned(self.tree.reopen(name, instance)),
            Output::Release => {
                let name = self.tree.name.expect("an owner releases a tree");
                self.tree.release(instance, self.broken == Broken::OwnerKeepsItsHandle);
                Input::Released { name }
            }
            Output::Serve { takeover } => {
                let flash = match takeover {
                    Takeover::Failover(decision) => decision.configuration == msm_proto::ConfigSource::Flash,
                    Takeover::Cold | Takeover::Adopted => true,
                };
                if flash {
                    self.process(slot).config.clear();
                }
                self.serves.push((slot, takeover));
                let process = self.processes[index(slot)].as_mut().expect("it serves");
                process.serves = true;
                self.checks.serves(slot, process, takeover, flash);
                Input::Serving
            }
            Output::Apply { id, record, redo } => {
                if self.apply_hangs {
                    return;
                }
                self.tree.writes(instance, "tables");
                self.checks.applies(slot, id, redo);
                if host::kills(id, redo) || std::mem::take(&mut self.apply_kills) {
                    self.checks.ends_its_master(id, redo);
                    return self.kill(slot);
                }
                if fails(id) || id.0 >= host::PANICS {
                    Input::Applied { id, result: Err("planned to fail".into()) }
                } else {
                    self.change(slot, &record);
                    Input::Applied { id, result: Ok(String::new()) }
                }
            }
            Output::TakeSnapshot => Input::Snapshot { bytes: encode(&self.process(slot).config) },
            Output::Load { bytes } => {
                self.process(slot).config = decode(&bytes);
                Input::Loaded(Ok(()))
            }
            Output::StoreFlash { .. } if self.flash_hangs => return,
            Output::StoreFlash { .. } if self.flash_fails => Input::FlashStored(Err("no space left".into())),
            Output::StoreFlash { bytes } => {
                let id = CommandId(u64::from_le_bytes(*bytes.first_chunk().expect("not empty")));
                if bytes != host::flash(id) {
                    self.checks.violations.push(format!("{slot} is to write half of a flash"));
                }
                self.flash[index(slot)] = Some(id);
                self.checks.stored.insert((slot, id));
                Input::FlashStored(Ok(()))
            }
            Output::CheckHardware if self.hardware_fails => {
                Input::HardwareChecked(Err("ABI 2, expected 1".into()))
            }
            Output::CheckHardware => Input::HardwareChecked(Ok(())),
            Output::NextItems { subsystem } => Input::Items { subsystem, bytes: Vec::new(), last: true },
            other => unreachable!("{other:?} has no result"),
        };
        let delay = self.jitter(self.effect_delay);
        self.at(delay, Event::Input(slot, instance, result));
    }

    // ---- time --------------------------------------------------------------------------------------------------

    /// Runs until `until`; false if `done` says so earlier.
    pub(crate) fn run_while(&mut self, until: u64, mut go_on: impl FnMut(&Self) -> bool) -> bool {
        while go_on(self) {
            let due = SLOTS.into_iter().filter_map(|slot| {
                let process = self.processes[index(slot)].as_ref()?;
                let deadline = process.machine.deadline()?;
                Some((deadline.0.max(process.paused_until).max(self.now), slot))
            });
            let tick = due.min_by_key(|(when, _)| *when);
            let event = self.events.peek().map(|Reverse((when, _))| *when);
            let next = tick.map(|(when, _)| when).into_iter().chain(event).min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.now = until;
                return true;
            };
            self.now = self.now.max(next);
            match tick {
                Some((when, slot)) if event.is_none_or(|event| when < event) => {
                    self.input(slot, Input::Tick);
                    let deadline = self.processes[index(slot)].as_ref().and_then(|p| p.machine.deadline());
                    assert!(
                        deadline.is_none_or(|d| d.0 > when),
                        "a Tick that leaves its deadline in the past"
                    );
                }
                _ => self.event(),
            }
        }
        false
    }

    fn event(&mut self) {
        let Some(Reverse((_, serial))) = self.events.pop() else { return };
        let Some(event) = self.scheduled.remove(&serial) else { return };
        let paused = match &event {
            Event::Input(slot, ..) | Event::Effect(slot, ..) => {
                self.processes[index(*slot)].as_ref().map_or(0, |process| process.paused_until)
            }
            _ => 0,
        };
        if paused > self.now {
            return self.at(paused - self.now, event);
        }
        let lives = |world: &Self, slot: Slot, instance| {
            world.processes[index(slot)].as_ref().is_some_and(|process| process.instance == instance)
        };
        match event {
            Event::Start(slot) => self.start(slot),
            Event::Input(slot, instance, input) if lives(self, slot, instance) => self.input(slot, input),
            Event::Effect(slot, instance, effect) if lives(self, slot, instance) => {
                self.effect(slot, instance, effect);
            }
            Event::Input(..) | Event::Effect(..) => {}
            Event::Connect => self.connect(),
            Event::Deliver { to, link, channel } => self.deliver(to, link, channel),
        }
    }

    pub(crate) fn run(&mut self, length: u64) {
        let until = self.now + length;
        self.run_while(until, |_| true);
    }

    /// One master that serves, one slave that has everything.
    pub(crate) fn is_settled(&self) -> bool {
        let Some(master) = self.master() else { return false };
        // Cheap ones first: this is asked after every event.
        if self.role(master.peer()) != Some(Role::Slave) || self.tree.name.is_none_or(|n| n.slot != master) {
            return false;
        }
        let (Some(m), Some(s)) = (self.status(master), self.status(master.peer())) else { return false };
        if !self.processes[index(master)].as_ref().is_some_and(|process| process.serves) {
            return false;
        }
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
        if self.try_settle() {
            return;
        }
        panic!("not settled:\n{}", self.history());
    }

    pub(crate) fn try_settle(&mut self) -> bool {
        let until = self.now + 10_000 * MS;
        !self.run_while(until, |world| !world.is_settled())
    }

    pub(crate) fn history(&self) -> String {
        let from = self.log.len().saturating_sub(2_000);
        let mut text = self.log[from..].join("\n");
        for slot in SLOTS {
            text += &format!("\n{slot}: {:?}", self.status(slot));
        }
        text + &format!("\ntree {:?} meta {:?} lock {:?}", self.tree.name, self.tree.meta, self.tree.lock)
    }
}
