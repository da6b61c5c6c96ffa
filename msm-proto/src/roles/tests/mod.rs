//! The machine of an MSM, cause by cause: two of them, a tree and a link, all without delay.

mod fate;
mod hostile;
mod reasons;
mod stop;
mod streams;
mod suspicion;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::*;
use crate::{Cause, ConfigSource, MetaView, Options, Reason, RecoveryLevel, State, Trigger, Verdict};

const A: Slot = Slot::A;
const B: Slot = Slot::B;
const ARP: Subsystem = Subsystem::Arp;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a process gives of a subsystem: the pieces, one for each that is asked for.
type Source = VecDeque<(Vec<u8>, bool)>;

/// One process.
struct Node {
    machine: Machine,
    instance: u64,
    session: Session,
    /// SIGSTOP: nothing is read.
    stopped: bool,
    results: VecDeque<Input>,
    inbox: VecDeque<Input>,
    /// All outputs but frames and lines of the log.
    out: Vec<Output>,
    log: Vec<String>,
    /// What it took of its master's subsystems: pieces and changes as text.
    taken: BTreeMap<Subsystem, Vec<String>>,
    source: Source,
    /// Pieces are not given by themselves.
    holds: bool,
    ended: bool,
}

/// Two slots and what is between them.
struct Pair {
    now: Time,
    nodes: [Option<Node>; 2],
    tree: Option<OwnerName>,
    holder: Option<u64>,
    meta: Option<MetaView>,
    instances: u64,
    sessions: u64,
    options: Options,
    serves: Vec<(Slot, Takeover)>,
    /// Writes to the tree by who does not own it.
    trespasses: Vec<String>,
    /// Frames are lost on their way from this slot, silently: the process lives and says nothing.
    mute: Option<Slot>,
    /// Changes what the slave reads.
    intercept: Option<fn(Vec<u8>) -> Vec<u8>>,
}

impl Pair {
    fn empty(options: Options) -> Self {
        Self {
            now: Time(1_000_000_000),
            nodes: [None, None],
            tree: None,
            holder: None,
            meta: None,
            instances: 0,
            sessions: 0,
            options,
            serves: Vec::new(),
            trespasses: Vec::new(),
            mute: None,
            intercept: None,
        }
    }

    /// A is the master, B its slave; what can be ready is.
    fn new(options: Options) -> Self {
        let mut pair = Self::empty(options);
        pair.boot(A);
        pair.boot(B);
        pair.connect();
        pair.wait(ms(50));
        assert_eq!((pair.role(A), pair.role(B)), (Role::Master, Role::Slave));
        pair
    }

    fn hitless() -> Self {
        let pair = Self::new(Options::hitless());
        assert_eq!(pair.meta.and_then(|meta| meta.ready), Some(B), "{:?}", pair.status(A));
        pair
    }

    fn node(&mut self, slot: Slot) -> &mut Node {
        self.nodes[slot as usize].as_mut().expect("it runs")
    }

    fn status(&self, slot: Slot) -> Status {
        self.nodes[slot as usize].as_ref().expect("it runs").machine.status()
    }

    fn role(&self, slot: Slot) -> Role {
        self.nodes[slot as usize].as_ref().map_or(Role::Leaving, |node| node.machine.role())
    }

    fn row(&self, slot: Slot, name: Subsystem) -> (State, Reason) {
        let row = self.status(slot).subsystems[name as usize];
        (row.state, row.reason)
    }

    fn boot(&mut self, slot: Slot) {
        self.instances += 1;
        let instance = self.instances;
        let identity = Identity { slot, instance, pid: 1, version: "1".into(), image: "primary".into() };
        self.nodes[slot as usize] = Some(Node {
            machine: Machine::new(identity),
            instance,
            session: 0,
            stopped: false,
            results: VecDeque::new(),
            inbox: VecDeque::new(),
            out: Vec::new(),
            log: Vec::new(),
            taken: BTreeMap::new(),
            source: Source::new(),
            holds: false,
            ended: false,
        });
        let last_owner = self.tree.map(|name| name.slot);
        let history = History::default();
        self.give(slot, Input::Boot { options: self.options, history, last_owner });
    }

    fn connect(&mut self) {
        for slot in [A, B] {
            self.sessions += 1;
            let session = self.sessions;
            self.node(slot).session = session;
            self.node(slot).inbox.push_back(Input::PeerConnected { session });
        }
        self.run();
    }

    fn cut(&mut self) {
        for slot in [A, B] {
            if let Some(node) = &mut self.nodes[slot as usize] {
                let session = std::mem::take(&mut node.session);
                node.inbox.push_back(Input::PeerGone { session });
            }
        }
        self.run();
    }

    /// SIGKILL; whether the peer is told by its pidfd at once.
    fn kill(&mut self, slot: Slot) {
        let node = self.nodes[slot as usize].take().expect("it runs");
        self.holder.take_if(|holder| *holder == node.instance);
        if let Some(peer) = &mut self.nodes[slot.peer() as usize] {
            let session = peer.session;
            peer.inbox.push_back(Input::PeerGone { session });
            peer.inbox.push_back(Input::PeerDead { session });
        }
        self.run();
    }

    fn go_on(&mut self, slot: Slot) {
        self.node(slot).stopped = false;
        // The actor's loop looks at its clock first.
        self.give(slot, Input::Tick);
    }

    fn give(&mut self, slot: Slot, input: Input) {
        self.node(slot).inbox.push_back(input);
        self.run();
    }

    /// Everything that follows at once.
    fn run(&mut self) {
        while let Some((slot, input)) = [A, B].into_iter().find_map(|slot| {
            let node = self.nodes[slot as usize].as_mut().filter(|node| !node.stopped && !node.ended)?;
            let input = node.results.pop_front().or_else(|| node.inbox.pop_front())?;
            Some((slot, input))
        }) {
            let outputs = self.nodes[slot as usize].as_mut().expect("it runs").machine.step(self.now, input);
            for output in outputs {
                self.carry_out(slot, output);
            }
        }
    }

    /// A tick at each deadline.
    fn wait(&mut self, length: Duration) {
        let until = self.now + length;
        loop {
            let due = [A, B].into_iter().filter_map(|slot| {
                let node = self.nodes[slot as usize].as_ref().filter(|node| !node.stopped && !node.ended)?;
                Some((node.machine.deadline()?, slot))
            });
            let Some((at, slot)) = due.min().filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            self.give(slot, Input::Tick);
            let next = self.nodes[slot as usize].as_ref().and_then(|node| node.machine.deadline());
            assert!(next.is_none_or(|next| next > self.now), "a Tick that leaves its deadline: {next:?}");
        }
        self.now = until;
    }

    fn owns(&mut self, slot: Slot, what: &str) -> bool {
        let instance = self.node(slot).instance;
        let owns = self.holder == Some(instance);
        if !owns {
            self.trespasses.push(format!("{slot}: {what}"));
        }
        owns
    }

    fn take(&mut self, slot: Slot, from: Option<OwnerName>) -> Result<OwnerName, Refusal> {
        if self.holder.is_some() {
            return Err(Refusal::OwnerLives);
        }
        if self.tree != from {
            return Err(Refusal::Renamed);
        }
        let name = OwnerName { slot, epoch: from.map_or(0, |from| from.epoch) + 1 };
        self.tree = Some(name);
        self.holder = Some(self.node(slot).instance);
        Ok(name)
    }

    fn carry_out(&mut self, slot: Slot, output: Output) {
        let result = match &output {
            Output::Send { session, channel, bytes } => {
                if self.node(slot).session == *session && self.mute != Some(slot) {
                    let bytes = match self.intercept.filter(|_| slot == A) {
                        Some(change) => change(bytes.clone()),
                        None => bytes.clone(),
                    };
                    let channel = *channel;
                    if let Some(peer) = &mut self.nodes[slot.peer() as usize] {
                        let session = peer.session;
                        peer.inbox.push_back(Input::Frame { session, channel, bytes });
                    }
                }
                return;
            }
            Output::Log { text, .. } => {
                self.node(slot).log.push(text.clone());
                return;
            }
            Output::Disconnect { session } => {
                if self.node(slot).session == *session {
                    self.node(slot).session = 0;
                    if let Some(peer) = &mut self.nodes[slot.peer() as usize] {
                        let session = std::mem::take(&mut peer.session);
                        peer.inbox.push_back(Input::PeerGone { session });
                    }
                }
                None
            }
            Output::Observe => Some(Input::Observed { name: self.tree, meta: self.meta }),
            Output::Create => Some(Input::Owned(self.take(slot, None))),
            Output::Commit { from } => Some(Input::Owned(self.take(slot, Some(*from)))),
            Output::Reopen { name } => {
                let free = self.holder.is_none() && self.tree == Some(*name);
                if free {
                    self.holder = Some(self.node(slot).instance);
                }
                Some(Input::Owned(if free { Ok(*name) } else { Err(Refusal::Renamed) }))
            }
            Output::Release => {
                self.owns(slot, "Release");
                self.holder = None;
                self.tree.map(|name| Input::Released { name })
            }
            Output::Serve { takeover } => {
                self.owns(slot, "Serve");
                self.serves.push((slot, *takeover));
                Some(Input::Serving)
            }
            Output::SetReady { slot: ready, generation, trying } => {
                if self.owns(slot, "SetReady") {
                    self.meta = Some(MetaView { ready: *ready, generation: *generation, trying: *trying });
                }
                None
            }
            Output::Apply { id, .. } => {
                self.owns(slot, "Apply");
                Some(Input::Applied { id: *id, result: Ok(String::new()) })
            }
            Output::TakeSnapshot => Some(Input::Snapshot { bytes: vec![7; 100] }),
            Output::Load { .. } => Some(Input::Loaded(Ok(()))),
            Output::CheckHardware => Some(Input::HardwareChecked(Ok(()))),
            Output::StoreFlash { .. } => Some(Input::FlashStored(Ok(()))),
            Output::NextItems { subsystem } => {
                let node = self.node(slot);
                let (bytes, last) = node.source.pop_front().unwrap_or((Vec::new(), true));
                (!node.holds).then_some(Input::Items { subsystem: *subsystem, bytes, last })
            }
            Output::Items { subsystem, bytes, first, last } => {
                let taken = self.node(slot).taken.entry(*subsystem).or_default();
                if *first {
                    taken.clear();
                }
                taken.push(String::from_utf8_lossy(bytes).into_owned() + if *last { "." } else { "" });
                None
            }
            Output::Delta { subsystem, bytes } => {
                let text = format!("+{}", String::from_utf8_lossy(bytes));
                self.node(slot).taken.entry(*subsystem).or_default().push(text);
                None
            }
            Output::ResetSelf { .. } => {
                self.node(slot).ended = true;
                None
            }
            _ => None,
        };
        self.node(slot).out.push(output);
        self.node(slot).results.extend(result);
    }

    fn outs(&mut self, slot: Slot, is: impl Fn(&Output) -> bool) -> usize {
        self.node(slot).out.iter().filter(|output| is(output)).count()
    }

    fn taken(&mut self, slot: Slot) -> Vec<String> {
        self.node(slot).taken.get(&ARP).cloned().unwrap_or_default()
    }

    fn command(&mut self, slot: Slot, id: u64) {
        self.give(slot, Input::Command { id: CommandId(id), record: vec![1], options: None });
    }

    /// The last takeover of a slave.
    fn decision(&self) -> Option<(Slot, crate::Decision)> {
        self.serves.iter().rev().find_map(|(slot, takeover)| match takeover {
            Takeover::Failover(decision) => Some((*slot, *decision)),
            _ => None,
        })
    }

    fn sound(&self) {
        assert_eq!(self.trespasses, [""; 0]);
    }
}
