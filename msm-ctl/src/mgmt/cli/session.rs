//! A client's session with a chassis: finds the master, follows it, and sends a command again when it must.
//!
//! Pure: what came in and what time it is are arguments; the front end does what it says.

use std::time::{Duration, Instant};

use super::link::LinkEvent;
use super::messages::{Announce, Answer, Request};

/// Longest wait for a master, and for an answer of one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer: `show fdb` of a full table is some 130 MB.
const DATA_MAX: usize = 256 << 20;
/// Longest wait for the end of a command that was given up.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A finished command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// Why it was not done.
    pub(crate) result: Result<(), String>,
    /// Nobody answered: not the command is at fault.
    pub(crate) unanswered: bool,
    /// Who answered.
    pub(crate) slot: Option<String>,
    /// Its role then.
    pub(crate) role: Option<String>,
}

impl Finished {
    /// It was not even sent.
    pub(crate) fn refused(why: String) -> Self {
        Self { result: Err(why), unanswered: false, slot: None, role: None }
    }
}

/// What the front end is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send on a link.
    Send(usize, Request),
    /// Tell the user that another MSM is master.
    NewMaster(String),
    /// More of the answer.
    Data(Vec<u8>),
    /// More of the file that the command writes.
    File(Vec<u8>),
    /// What came of the answer and of the file is void: they begin again.
    Again,
    /// The command is done.
    Finish(Finished),
}

#[derive(Default)]
struct Peer {
    announce: Option<Announce>,
    trouble: Option<String>,
    /// This user may not connect to it: waiting does not help.
    denied: bool,
}

/// A command as the front end has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Random.
    pub(crate) id: u64,
    /// As it was typed.
    pub(crate) line: String,
    /// The file that goes with it.
    pub(crate) attachment: Vec<u8>,
    /// How much longer than [`PATIENCE`] its MSM may be silent.
    pub(crate) longer: Duration,
    /// It cannot be done a second time from its beginning: with its MSM it ends.
    pub(crate) once: bool,
}

struct Pending {
    order: Order,
    deadline: Instant,
    /// Link that has it.
    at: Option<usize>,
    /// Bytes of the answer so far.
    data: usize,
    /// Something of the answer or of the file has come.
    begun: bool,
    /// It was given up.
    cancelled: bool,
    /// Why the last MSM did not take it.
    refused: Option<String>,
}

impl Pending {
    fn request(&self, cancel: bool) -> Request {
        let Order { id, line, attachment, .. } = &self.order;
        match cancel {
            true => Request { id: *id, cancel, ..Request::default() },
            false => Request { id: *id, line: line.clone(), attachment: attachment.clone(), cancel },
        }
    }
}

/// State of a session.
pub(crate) struct Session {
    peers: Vec<Peer>,
    /// Commands go to this link whatever its role.
    fixed: bool,
    master: Option<String>,
    pending: Option<Pending>,
}

impl Session {
    /// A session over `links` connections; `fixed` when it is one MSM's whatever its role.
    pub(crate) fn new(links: usize, fixed: bool) -> Self {
        Self { peers: (0..links).map(|_| Peer::default()).collect(), fixed, master: None, pending: None }
    }

    /// What the prompt shows: the master, or any MSM.
    pub(crate) fn announce(&self) -> Option<&Announce> {
        self.target()
            .or(self.peers.iter().position(|p| p.announce.is_some()))
            .and_then(|at| self.peers[at].announce.as_ref())
    }

    /// Begins a command.
    pub(crate) fn begin(&mut self, now: Instant, order: Order) -> Vec<Action> {
        self.pending = Some(Pending {
            order,
            deadline: now + PATIENCE,
            at: None,
            data: 0,
            begun: false,
            cancelled: false,
            refused: None,
        });
        self.dispatch(now)
    }

    /// Gives up the command: its MSM is told, and says how far it came. A second time does not wait for that.
    pub(crate) fn cancel(&mut self, now: Instant) -> Vec<Action> {
        let Some(pending) = &mut self.pending else { return Vec::new() };
        match pending.at {
            Some(at) if !pending.cancelled => {
                pending.cancelled = true;
                pending.deadline = now + LAST_WORDS;
                vec![Action::Send(at, pending.request(true))]
            }
            at => {
                self.pending = None;
                let why = match at {
                    Some(_) => "given up; whether it is in force is open: look with show",
                    None => "given up; no MSM has it",
                };
                vec![self.unanswered(at, why.to_owned())]
            }
        }
    }

    fn unanswered(&self, at: Option<usize>, why: String) -> Action {
        let slot = at.and_then(|at| self.peers[at].announce.as_ref().map(|a| a.slot.clone()));
        Action::Finish(Finished { result: Err(why), unanswered: true, slot, role: None })
    }

    /// When [`Self::expire`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    /// Gives up a command whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Action> {
        let Some(pending) = self.pending.take_if(|pending| pending.deadline <= now) else {
            return Vec::new();
        };
        let seconds = PATIENCE.as_secs();
        let why = match pending.at {
            Some(_) => {
                let seconds = seconds + pending.order.longer.as_secs();
                format!("no answer within {seconds} s; whether it is in force is open: look with show")
            }
            None => {
                let trouble: Vec<&str> = pending
                    .refused
                    .as_deref()
                    .into_iter()
                    .chain(self.peers.iter().filter_map(|peer| peer.trouble.as_deref()))
                    .collect();
                let wanted = if self.fixed { "answer of that MSM" } else { "master" };
                let detail =
                    if trouble.is_empty() { String::new() } else { format!(" ({})", trouble.join("; ")) };
                format!(
                    "no {wanted} within {seconds} s{detail}; is the chassis running? msm-ctl chassis --file FILE"
                )
            }
        };
        vec![self.unanswered(pending.at, why)]
    }

    /// Takes what a link said.
    pub(crate) fn heard(&mut self, now: Instant, event: LinkEvent) -> Vec<Action> {
        match event {
            LinkEvent::Announce { link, announce } => {
                self.peers[link].trouble = None;
                self.peers[link].denied = false;
                self.peers[link].announce = Some(announce);
                let mut actions = self.follow();
                actions.extend(self.dispatch(now));
                actions
            }
            LinkEvent::Lost { link } => {
                self.peers[link].announce = None;
                let mut actions = self.release(now, link);
                actions.extend(self.dispatch(now));
                actions
            }
            LinkEvent::Unreachable { link, why, denied } => {
                self.peers[link].trouble = Some(why);
                self.peers[link].denied = denied;
                self.dispatch(now)
            }
            LinkEvent::Answer { link, answer } => self.answer(now, link, answer),
        }
    }

    fn answer(&mut self, now: Instant, link: usize, answer: Answer) -> Vec<Action> {
        let Some(pending) = &mut self.pending else { return Vec::new() };
        if pending.order.id != answer.id || pending.at != Some(link) {
            return Vec::new();
        }
        if answer.last && answer.elsewhere && !self.fixed && !pending.cancelled {
            // It is no master any more; who is will say so. This one only counts again when it announces itself.
            pending.refused = Some(answer.error);
            if let Some(announce) = &mut self.peers[link].announce {
                announce.master = false;
            }
            let mut actions = self.release(now, link);
            actions.extend(self.dispatch(now));
            return actions;
        }
        let mut actions = Vec::new();
        if !answer.data.is_empty() {
            pending.begun = true;
            if !pending.cancelled {
                pending.deadline = now + PATIENCE + pending.order.longer;
            }
            if answer.file {
                actions.push(Action::File(answer.data));
            } else {
                pending.data += answer.data.len();
                if pending.data > DATA_MAX {
                    let why = format!("the answer is longer than {DATA_MAX} bytes; ask for less");
                    return self.finish(link, Err(why), answer.role);
                }
                actions.push(Action::Data(answer.data));
            }
        }
        if answer.last {
            let result = if answer.ok { Ok(()) } else { Err(answer.error) };
            actions.extend(self.finish(link, result, answer.role));
        }
        actions
    }

    fn finish(&mut self, link: usize, result: Result<(), String>, role: String) -> Vec<Action> {
        self.pending = None;
        let slot = self.peers[link].announce.as_ref().map(|announce| announce.slot.clone());
        vec![Action::Finish(Finished { result, unanswered: false, slot, role: Some(role) })]
    }

    /// The command of a lost link is sent again: its id makes sure that it is done once.
    fn release(&mut self, now: Instant, link: usize) -> Vec<Action> {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.at == Some(link)) else {
            return Vec::new();
        };
        if pending.cancelled || pending.order.once && pending.begun {
            self.pending = None;
            let why = "its MSM is gone; what came until then is kept".to_owned();
            return vec![self.unanswered(Some(link), why)];
        }
        pending.at = None;
        pending.data = 0;
        pending.deadline = pending.deadline.min(now + PATIENCE);
        if std::mem::take(&mut pending.begun) { vec![Action::Again] } else { Vec::new() }
    }

    fn target(&self) -> Option<usize> {
        if self.fixed {
            return self.peers.iter().position(|peer| peer.announce.is_some());
        }
        let masters = self.peers.iter().enumerate().filter_map(|(at, peer)| {
            let announce = peer.announce.as_ref().filter(|announce| announce.master)?;
            Some((announce.epoch, at))
        });
        masters.max().map(|(_, at)| at)
    }

    fn dispatch(&mut self, now: Instant) -> Vec<Action> {
        let target = self.target();
        match (&mut self.pending, target) {
            (Some(pending), Some(at)) if pending.at.is_none() => {
                pending.at = Some(at);
                if !pending.order.longer.is_zero() {
                    pending.deadline = now + PATIENCE + pending.order.longer;
                }
                vec![Action::Send(at, pending.request(false))]
            }
            (Some(_), None) if self.peers.iter().all(|peer| peer.denied) => {
                self.pending = None;
                let trouble: Vec<&str> =
                    self.peers.iter().filter_map(|peer| peer.trouble.as_deref()).collect();
                let why =
                    format!("{}; the command line is for root and members of group msm", trouble.join("; "));
                vec![self.unanswered(None, why)]
            }
            _ => Vec::new(),
        }
    }

    fn follow(&mut self) -> Vec<Action> {
        if self.fixed {
            return Vec::new();
        }
        let slot = self.target().and_then(|at| self.peers[at].announce.as_ref()).map(|a| a.slot.clone());
        match (&self.master, slot) {
            (Some(known), Some(slot)) if *known != slot => {
                self.master = Some(slot.clone());
                vec![Action::NewMaster(slot)]
            }
            (None, slot @ Some(_)) => {
                self.master = slot;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
