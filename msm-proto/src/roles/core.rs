//! What a machine has in every role: itself, the link to its peer, and the outputs of the step.

use super::{
    events::{Answer, CommandId, Level, Outcome, Output, Outputs, Session, Takeover},
    state::{History, Identity, Keepalives},
    timers,
};
use crate::{
    cause::Trigger,
    envelope::{DecodeError, Envelope},
    message::{Message, Phase},
    options::Options,
    replication::Outcomes,
    slot::{OwnerName, Slot},
    subsystem::{Reason, State, Subsystem},
    time::Time,
    wire,
};

/// State and reason of each subsystem, in the order of [`Subsystem::ALL`].
pub(super) type Rows = [(State, Reason); Subsystem::ALL.len()];
/// Rows while there is no slave.
pub(super) const NO_ROWS: Rows = [(State::NotAvailable, Reason::None); Subsystem::ALL.len()];

/// The other MSM, once it has said hello.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) identity: Identity,
    pub(super) phase: Phase,
    /// A version of the messages exists that both speak.
    pub(super) speaks: bool,
}

/// A session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) session: Session,
    pub(super) peer: Option<Peer>,
    pub(super) keepalives: Keepalives,
    /// Nothing has come for too long.
    pub(super) missed: bool,
    pub(super) heard: Time,
    /// When the last keepalive was sent.
    kept_alive: Time,
    /// Last sequence of control and bulk.
    sent: [u64; 2],
    received: [u64; 2],
    phase_sent: Phase,
    /// Options, history, readiness and subsystems that the peer was told last.
    pub(super) standing_sent: Option<(Options, History, bool, Rows)>,
}

/// Notice of the backplane: the peer is being reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    trigger: Trigger,
    /// Which start of the peer it is about, if that was known.
    instance: Option<u64>,
    until: Time,
}

/// See the file's first line.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) me: Identity,
    /// Options of this MSM's own flash.
    pub(super) own_options: Options,
    /// Options in force.
    pub(super) options: Options,
    /// Who takes a tree that nobody owns: whoever owned it last, since what was saved is in that flash; else A.
    pub(super) first: Slot,
    /// Owner of the tree, as last known.
    pub(super) owner: Option<OwnerName>,
    pub(super) history: History,
    pub(super) outcomes: Outcomes,
    pub(super) link: Option<Link>,
    /// A StoreFlash that is under way, and by which session it came.
    pub(super) storing: Option<(Session, CommandId)>,
    /// What is being done to the peer.
    pub(super) fate: Option<Fate>,
    /// Why there is no slave.
    pub(super) absence: Reason,
    pub(super) rows: Rows,
    /// Rows of this MSM when it became master.
    pub(super) old_rows: Rows,
    pub(super) out: Outputs,
}

impl Core {
    pub(super) fn new(me: Identity) -> Self {
        Self {
            me,
            own_options: Options::default(),
            options: Options::default(),
            first: Slot::A,
            owner: None,
            history: History::default(),
            outcomes: Outcomes::default(),
            link: None,
            storing: None,
            fate: None,
            absence: Reason::None,
            rows: NO_ROWS,
            old_rows: NO_ROWS,
            out: Vec::new(),
        }
    }

    /// The backplane says why the peer is about to die.
    pub(super) fn learn_fate(&mut self, now: Time, trigger: Trigger) {
        let instance = self.peer().map(|peer| peer.identity.instance);
        self.fate = Some(Fate { trigger, instance, until: now + timers::FATE });
    }

    /// A peer is there: what was said of another is over. One that was never heard of is taken for another.
    pub(super) fn forget_fate(&mut self) {
        let here = self.peer().map(|peer| peer.identity.instance);
        self.fate.take_if(|fate| fate.instance != here);
    }

    /// Why the peer died, if the backplane said so.
    pub(super) fn fate(&self, now: Time) -> Option<Trigger> {
        self.fate.filter(|fate| now <= fate.until).map(|fate| fate.trigger)
    }

    /// Whether this MSM is the one to take a tree that nobody owns.
    pub(super) fn goes_first(&self) -> bool {
        self.me.slot == self.first
    }

    pub(super) fn push(&mut self, output: Output) {
        self.out.push(output);
    }

    pub(super) fn log(&mut self, level: Level, text: impl Into<String>) {
        self.out.push(Output::Log { level, text: text.into() });
    }

    pub(super) fn outcome(&mut self, id: CommandId, outcome: Outcome) {
        self.out.push(Output::Answer { id, answer: Answer::Outcome(outcome) });
    }

    /// The command belongs to another MSM, now or soon.
    pub(super) fn elsewhere(&mut self, id: CommandId, why: impl Into<String>) {
        self.out.push(Output::Answer { id, answer: Answer::Elsewhere(why.into()) });
    }

    pub(super) fn refuse(&mut self, id: CommandId, why: impl Into<String>) {
        self.out.push(Output::Answer { id, answer: Answer::Refused(why.into()) });
    }

    /// Ends the process; the machine takes no more inputs.
    pub(super) fn reset(&mut self, level: Level, why: impl Into<String>) {
        let why = why.into();
        self.log(level, format!("MSM {} ends its process: {why}", self.me.slot));
        self.push(Output::ResetSelf { why });
    }

    pub(super) fn serve(&mut self, takeover: Takeover) {
        self.push(Output::Serve { takeover });
    }

    /// Sends to the peer, if there is one.
    pub(super) fn send(&mut self, message: &Message) {
        let epoch = self.owner.map_or(0, |owner| owner.epoch);
        let Some(link) = &mut self.link else { return };
        let channel = message.channel();
        let sequence = &mut link.sent[channel as usize];
        *sequence += 1;
        let bytes = message.encode(epoch, *sequence);
        self.out.push(Output::Send { session: link.session, channel, bytes });
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        self.link.as_ref()?.peer.as_ref()
    }

    pub(super) fn peer_phase(&self) -> Option<Phase> {
        self.peer().map(|peer| peer.phase)
    }

    /// A new session: says hello.
    pub(super) fn connected(&mut self, now: Time, session: Session, phase: Phase) {
        self.link = Some(Link {
            session,
            peer: None,
            keepalives: Keepalives::default(),
            missed: false,
            heard: now,
            kept_alive: now,
            sent: [0; 2],
            received: [0; 2],
            phase_sent: phase,
            standing_sent: None,
        });
        self.send(&Message::Hello {
            identity: self.me.clone(),
            phase,
            oldest: wire::OLDEST,
            newest: wire::NEWEST,
        });
    }

    /// Reads a frame of the present session.
    ///
    /// # Errors
    /// Why it cannot be understood. What was lost before it is an error too.
    pub(super) fn receive(
        &mut self,
        now: Time,
        channel: usize,
        bytes: &[u8],
    ) -> Result<(u64, Message), DecodeError> {
        let Some(link) = &mut self.link else {
            return Err(DecodeError::Field { what: "frame", field: "session" });
        };
        link.heard = now;
        link.missed = false;
        let envelope = Envelope::decode(bytes)?;
        if envelope.sequence != link.received[channel] + 1 {
            return Err(DecodeError::Field { what: "envelope", field: "sequence: messages were lost" });
        }
        link.received[channel] += 1;
        let message = Message::decode(&envelope)?;
        let hello = matches!(message, Message::Hello { .. });
        if hello == link.peer.is_some() {
            return Err(DecodeError::Field { what: "session", field: "one hello at its beginning" });
        }
        Ok((envelope.epoch, message))
    }

    /// Tells the peer where this machine is in its life, if it has changed.
    pub(super) fn tell_phase(&mut self, phase: Phase) {
        if let Some(link) = &mut self.link
            && link.phase_sent != phase
        {
            link.phase_sent = phase;
            self.send(&Message::Phase(phase));
        }
    }

    pub(super) fn link_deadline(&self) -> Option<Time> {
        let link = self.link.as_ref()?;
        let next = link.kept_alive + timers::between_keepalives(&self.options);
        Some(if link.missed { next } else { next.min(link.heard + self.options.keepalive) })
    }

    /// Sends and misses keepalives.
    pub(super) fn link_tick(&mut self, now: Time) {
        let between = timers::between_keepalives(&self.options);
        let Some(link) = &mut self.link else { return };
        let mut missed = false;
        if !link.missed && now >= link.heard + self.options.keepalive {
            link.missed = true;
            link.keepalives.missed += 1;
            missed = true;
        }
        if now >= link.kept_alive + between {
            link.kept_alive = now;
            link.keepalives.sent += 1;
            let number = link.keepalives.sent;
            self.send(&Message::Keepalive { number });
        }
        if missed {
            self.log(
                Level::Warning,
                format!("MSM {} answers no keepalives (reason: {})", self.me.slot.peer(), Reason::Keepalive),
            );
        }
    }
}
