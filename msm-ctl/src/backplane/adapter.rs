//! The backplane at work: gives the machine of `msm-proto` what happened, and does what it says, in its order. It decides nothing.
//!
//! One thread, which hears everything that has come before it looks at the clock: a kick that waited in its socket while this process
//! did not run is no kick that was missed.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use prost::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{error, info, warn};

use msm_abi::FabricState;
use msm_dataplane::{FabricPower, MsmSlot, TreeError};
use msm_proto::backplane::{Backplane, BackplaneInput as Input, BackplaneOutput as Output, Bay, Fabric};
use msm_proto::{Level, Slot, Time};

use super::lock;
use super::messages::{
    Answer, Fabrics, FromBackplane, Hello, MESSAGE_MAX, Notice, ToBackplane, from_backplane as from,
    to_backplane::Body,
};
use super::socket::{self, Heard};
use super::spawn;
use crate::config::chassis::Chassis;
use crate::process::{self, Process};

/// Slots that hold an MSM.
pub(super) const SLOTS: [Slot; 2] = [Slot::A, Slot::B];
/// Time for the first message of a connection: the sender has it ready when it connects.
const HELLO: Duration = Duration::from_secs(1);
/// Connections at once: both MSMs, operators, and strangers until they are sent away.
const LINES: usize = 16;
/// Messages of one connection that are heard before the others get their turn.
const TURN: usize = 64;
/// Without a descriptor to accept with, a connection waits this long.
const STARVED: Duration = Duration::from_millis(100);

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// It has not said so.
    Stranger,
    /// An MSM.
    Msm { slot: Slot, pid: u32 },
    /// Somebody who waits for one answer.
    Operator,
}

struct Line {
    socket: OwnedFd,
    since: Instant,
    who: Who,
}

/// A process whose death is waited for.
struct Watched {
    slot: Slot,
    process: Process,
    /// Its handle, if this backplane started it.
    child: Option<Child>,
}

/// What a poll has found ready.
enum Ready {
    Listener,
    Line(u64),
    Death(u32),
}

/// See the file's first line.
pub(super) struct Adapter {
    chassis: Chassis,
    machine: Backplane,
    power: FabricPower,
    listener: OwnedFd,
    /// When to listen again, after there was no descriptor left.
    starved: Option<Instant>,
    lines: BTreeMap<u64, Line>,
    /// Connections so far: the number of an operator's is that of its request.
    connections: u64,
    /// By pid.
    watched: BTreeMap<u32, Watched>,
    /// Results of outputs, taken before anything else.
    results: VecDeque<Input>,
}

impl Adapter {
    /// What runs stays; what does not is started.
    pub(super) fn adopt(chassis: Chassis, power: FabricPower, listener: OwnedFd) -> Self {
        let running = SLOTS.map(|slot| lock::holder(&chassis.msm_lock(slot)));
        let bays = chassis.kind.bays();
        let machine = match power.states() {
            Ok(states) if states != [FabricState::default(); 4] => {
                Backplane::adopt(bays, fabrics(&states, &running))
            }
            Ok(_) | Err(TreeError::Absent(_)) => Backplane::new(bays),
            Err(error) => {
                error!("the fabrics cannot be read and are taken to be there: {error}");
                Backplane::new(bays)
            }
        };
        let mut adapter = Self {
            chassis,
            machine,
            power,
            listener,
            starved: None,
            lines: BTreeMap::new(),
            connections: 0,
            watched: BTreeMap::new(),
            results: VecDeque::new(),
        };
        for (slot, process) in SLOTS.into_iter().zip(running) {
            if let Some(process) = process {
                info!("MSM {slot} runs as pid {}: adopted", process.pid());
                adapter.watch(slot, process, None);
            }
        }
        adapter
    }

    /// Serves for as long as this process lives.
    pub(super) fn serve(&mut self) {
        info!(
            "backplane of {} ({}): forwarding goes on without this process; to end the chassis: msm-ctl teardown --file {}",
            self.chassis.name,
            self.chassis.kind,
            self.chassis.file.display()
        );
        self.drain();
        self.give(Input::Tick);
        loop {
            for ready in self.wait() {
                match ready {
                    Ready::Listener => self.accept(),
                    Ready::Line(line) => self.hear(line),
                    Ready::Death(pid) => self.dead(pid),
                }
            }
            if self.machine.deadline().is_some_and(|at| at <= now()) {
                self.give(Input::Tick);
            }
            self.lines.retain(|_, line| line.who != Who::Stranger || line.since.elapsed() < HELLO);
        }
    }

    /// Waits until something has come, or is due. Lines come before deaths: what the dead have said came before.
    fn wait(&mut self) -> Vec<Ready> {
        let now = Instant::now();
        let machine = self
            .machine
            .deadline()
            .map(|at| now + Duration::from_nanos((at - self::now()).as_nanos() as u64));
        let strangers = self.lines.values().filter(|line| line.who == Who::Stranger);
        let due = strangers.map(|line| line.since + HELLO).chain(machine).chain(self.starved).min();
        let left = due.map(|due| Timespec::try_from(due.saturating_duration_since(now)).unwrap_or_default());
        self.starved.take_if(|until| *until <= now);

        let mut asked: Vec<(Ready, BorrowedFd<'_>)> = Vec::new();
        asked.extend(self.lines.iter().map(|(number, line)| (Ready::Line(*number), line.socket.as_fd())));
        asked.extend(self.watched.iter().map(|(pid, one)| (Ready::Death(*pid), one.process.as_fd())));
        if self.starved.is_none() {
            asked.push((Ready::Listener, self.listener.as_fd()));
        }
        let mut fds: Vec<PollFd<'_>> =
            asked.iter().map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, left.as_ref());
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        asked.into_iter().zip(ready).filter(|(_, ready)| *ready).map(|((one, _), _)| one).collect()
    }

    /// Steps the machine with `input` and with everything that follows from it at once.
    fn give(&mut self, input: Input) {
        self.results.push_back(input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(input) = self.results.pop_front() {
            for output in self.machine.step(now(), input) {
                self.carry_out(output);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Start { slot } => self.start(slot),
            Output::Kill { slot, pid } => match self.watched.get(&pid).map(|one| one.process.kill()) {
                Some(Ok(())) => warn!("MSM {slot} (pid {pid}) is killed"),
                Some(Err(error)) => error!("MSM {slot} (pid {pid}) cannot be killed: {error}"),
                None => warn!("MSM {slot} (pid {pid}) is not known, so it is not killed"),
            },
            Output::Ping { slot, number } => self.say(slot, from::Body::Ping(number)),
            Output::Notice { to, number, about, trigger } => {
                self.say(to, from::Body::Notice(Notice::of(number, about, trigger)));
            }
            Output::Fabric { bay, state } => self.fabric(bay, state),
            Output::Fabrics { to, all } => self.say(to, from::Body::Fabrics(Fabrics::of(all))),
            Output::Answer { request, result } => {
                if let Some(line) = self.lines.remove(&request) {
                    let answer = FromBackplane::say(from::Body::Answer(Answer::of(result)));
                    // Who asked may have gone.
                    let _ = socket::sent(&line.socket, &answer);
                }
            }
            Output::Log { level: Level::Info, text } => info!("{text}"),
            Output::Log { level: Level::Warning, text } => warn!("{text}"),
            Output::Log { level: Level::Error, text } => error!("{text}"),
        }
    }

    fn start(&mut self, slot: Slot) {
        // Somebody may have started one by hand.
        if let Some(process) = lock::holder(&self.chassis.msm_lock(slot)) {
            info!("MSM {slot} runs as pid {}: adopted", process.pid());
            return self.watch(slot, process, None);
        }
        match spawn::msm(&self.chassis, slot).map(|child| (Process::open(child.id()), child)) {
            Ok((Ok(process), child)) => {
                info!("MSM {slot} started as pid {}", child.id());
                self.watch(slot, process, Some(child));
            }
            Ok((Err(error), _)) => {
                self.results.push_back(Input::StartFailed { slot, text: error.to_string() });
            }
            Err(error) => self.results.push_back(Input::StartFailed { slot, text: error.to_string() }),
        }
    }

    fn watch(&mut self, slot: Slot, process: Process, child: Option<Child>) {
        let pid = process.pid();
        self.watched.insert(pid, Watched { slot, process, child });
        self.results.push_back(Input::Running { slot, pid });
    }

    fn dead(&mut self, pid: u32) {
        let Some(Watched { slot, child, .. }) = self.watched.remove(&pid) else { return };
        // The pidfd is readable: this does not wait.
        if let Some(Ok(status)) = child.map(|mut child| child.wait()) {
            info!("MSM {slot} (pid {pid}) ended: {status}");
        }
        self.give(Input::Died { slot, pid });
    }

    /// The hardware's doing.
    fn fabric(&mut self, bay: Bay, state: Fabric) {
        let slot = [MsmSlot::A, MsmSlot::B, MsmSlot::C, MsmSlot::D][bay.index()];
        let changed = self.power.change(slot, |fabric| match state {
            Fabric::Absent => *fabric = FabricState::default(),
            Fabric::Reset | Fabric::Failed => *fabric = FabricState { present: 1, programmed: 0 },
            Fabric::Present => fabric.present = 1,
        });
        match changed {
            Ok(_) => info!("fabric of MSM {bay}: {state}"),
            // Nothing is forwarded yet.
            Err(TreeError::Absent(_)) => {}
            Err(error) => error!("fabric of MSM {bay} is {state}, and FABRICS does not say so: {error}"),
        }
    }

    /// Tells the MSM of `slot`, if it is connected. One that does not read is cut off: when it is back, it is told anew.
    fn say(&mut self, slot: Slot, body: from::Body) {
        let of = |line: &Line| matches!(line.who, Who::Msm { slot: there, .. } if there == slot);
        let Some((&number, line)) = self.lines.iter().find(|(_, line)| of(line)) else { return };
        if let Err(error) = socket::sent(&line.socket, &FromBackplane::say(body)) {
            warn!("chassis.sock: MSM {slot} does not listen: {error}");
            self.hang_up(number);
        }
    }

    fn accept(&mut self) {
        match socket::accepted(&self.listener) {
            Ok(None) => {}
            Ok(Some(socket)) => {
                if self.lines.len() >= LINES {
                    warn!("chassis.sock: a connection was turned away: {LINES} are open");
                    return;
                }
                match process::peer_uid(&socket) {
                    Ok((0, _)) => {
                        self.connections += 1;
                        let line = Line { socket, since: Instant::now(), who: Who::Stranger };
                        self.lines.insert(self.connections, line);
                    }
                    Ok((uid, _)) => {
                        warn!("chassis.sock: uid {uid} was turned away; only root is in this chassis");
                    }
                    Err(error) => warn!("chassis.sock: {error}"),
                }
            }
            Err(error) => {
                warn!("chassis.sock: cannot accept: {error}");
                self.starved = Some(Instant::now() + STARVED);
            }
        }
    }

    /// Hears what one end has said.
    fn hear(&mut self, number: u64) {
        let mut buffer = [0; MESSAGE_MAX];
        for _ in 0..TURN {
            let Some(line) = self.lines.get(&number) else { return };
            let why = match socket::heard(&line.socket, &mut buffer) {
                Ok(Heard::Nothing) => return,
                Ok(Heard::End) => return self.hang_up(number),
                Ok(Heard::Message(length)) => match buffer.get(..length) {
                    Some(bytes) => match self.message(number, bytes) {
                        Ok(()) => continue,
                        Err(why) => why,
                    },
                    None => format!("a message of more than {MESSAGE_MAX} bytes"),
                },
                Err(error) => error.to_string(),
            };
            warn!("chassis.sock: connection dropped: {why}");
            return self.hang_up(number);
        }
    }

    fn hang_up(&mut self, number: u64) {
        if let Some(Line { who: Who::Msm { slot, pid }, .. }) = self.lines.remove(&number) {
            self.give(Input::Gone { slot, pid });
        }
    }

    /// The error is what its sender did wrong.
    fn message(&mut self, number: u64, bytes: &[u8]) -> Result<(), String> {
        let message = ToBackplane::decode(bytes).map_err(|error| error.to_string())?;
        let Some(line) = self.lines.get_mut(&number) else { return Ok(()) };
        match (line.who, message.body) {
            // Of a later image.
            (Who::Msm { .. }, None) => Ok(()),
            (Who::Msm { slot, pid }, Some(body)) => {
                let input = body.input(slot, pid).ok_or("a message out of order")?;
                self.give(input);
                Ok(())
            }
            (Who::Stranger, Some(Body::Hello(hello))) => self.hello(number, &hello),
            (Who::Stranger, Some(Body::Operate(wish))) => {
                let what = wish.what().ok_or("a wish for something that there is not")?;
                line.who = Who::Operator;
                self.give(Input::Operator { request: number, what });
                Ok(())
            }
            (Who::Stranger | Who::Operator, _) => Err("a message out of order".to_owned()),
        }
    }

    fn hello(&mut self, number: u64, hello: &Hello) -> Result<(), String> {
        let slot =
            hello.slot().ok_or_else(|| format!("\"{}\" is no MSM slot", hello.slot.escape_default()))?;
        let Some(line) = self.lines.get_mut(&number) else { return Ok(()) };
        let process = Process::peer(&line.socket).map_err(|error| error.to_string())?;
        let pid = process.pid();
        if lock::holder(&self.chassis.msm_lock(slot)).is_none_or(|holder| holder.pid() != pid) {
            return Err(format!("pid {pid} is not the MSM in slot {slot}"));
        }
        line.who = Who::Msm { slot, pid };
        // A connection of before is void: what is said goes by the last one.
        let void = |line: &Line| matches!(line.who, Who::Msm { slot: there, .. } if there == slot);
        self.lines.retain(|other, line| *other == number || !void(line));
        let version: String = hello.version.chars().filter(char::is_ascii_graphic).collect();
        info!("MSM {slot} is here: pid {pid}, version {version}");
        self.watched.entry(pid).or_insert(Watched { slot, process, child: None });
        self.give(Input::Here { slot, pid });
        Ok(())
    }
}

/// Fabrics of a chassis that forwards already. One without its programming is to be programmed again; a bay with a process in it is not empty.
fn fabrics(states: &[FabricState; 4], running: &[Option<Process>; 2]) -> [Fabric; 4] {
    std::array::from_fn(|at| match states[at] {
        FabricState { present: 0, .. } if running.get(at).is_none_or(Option::is_none) => Fabric::Absent,
        FabricState { programmed: 0, .. } => Fabric::Reset,
        FabricState { .. } => Fabric::Present,
    })
}

fn now() -> Time {
    Time(process::monotonic_ns())
}
