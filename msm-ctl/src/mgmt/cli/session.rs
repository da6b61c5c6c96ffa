//! A client's session with a chassis: finds the master, follows it, and sends a command again when it must.
//!
//! Pure: what came in and what time it is are arguments; the front end does what it says.

use std::time::{Duration, Instant};

use super::link::LinkEvent;
use super::messages::{Announce, Request};

/// Longest wait for a master, and for an answer of one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer: `show fdb` of a full table is some 130 MB.
const DATA_MAX: usize = 512 << 20;

/// A finished command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// JSON object, or why not.
    pub(crate) result: Result<Vec<u8>, String>,
    /// Who answered.
    pub(crate) slot: Option<String>,
    /// Its role then.
    pub(crate) role: Option<String>,
}

/// What the front end is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send on a link.
    Send(usize, Request),
    /// Tell the user that another MSM is master.
    NewMaster(String),
    /// The command is done.
    Finish(Finished),
}

#[derive(Default)]
struct Peer {
    announce: Option<Announce>,
    trouble: Option<String>,
}

struct Pending {
    request: Request,
    deadline: Instant,
    /// Link that has it.
    at: Option<usize>,
    data: Vec<u8>,
    /// Why the last MSM did not take it.
    refused: Option<String>,
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

    /// Begins a command. `id` is random.
    pub(crate) fn begin(&mut self, now: Instant, id: u64, line: String) -> Vec<Action> {
        self.pending = Some(Pending {
            request: Request { id, line },
            deadline: now + PATIENCE,
            at: None,
            data: Vec::new(),
            refused: None,
        });
        self.dispatch()
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
                format!("no answer within {seconds} s; whether it is in force is open: look with show")
            }
            None => {
                let trouble: Vec<&str> = pending
                    .refused
                    .as_deref()
                    .into_iter()
                    .chain(self.peers.iter().filter_map(|peer| peer.trouble.as_deref()))
                    .collect();
                let wanted = if self.fixed { "that MSM" } else { "a master" };
                let detail =
                    if trouble.is_empty() { String::new() } else { format!(" ({})", trouble.join("; ")) };
                format!("no {wanted} within {seconds} s{detail}; is the chassis running? msm-ctl chassis --file FILE")
                    .replace("no a ", "no ")
            }
        };
        let slot = pending.at.and_then(|at| self.peers[at].announce.as_ref().map(|a| a.slot.clone()));
        vec![Action::Finish(Finished { result: Err(why), slot, role: None })]
    }

    /// Takes what a link said.
    pub(crate) fn heard(&mut self, event: LinkEvent) -> Vec<Action> {
        match event {
            LinkEvent::Announce { link, announce } => {
                self.peers[link].trouble = None;
                self.peers[link].announce = Some(announce);
                let mut actions = self.follow();
                actions.extend(self.dispatch());
                actions
            }
            LinkEvent::Lost { link } => {
                self.peers[link].announce = None;
                self.release(link);
                self.dispatch()
            }
            LinkEvent::Unreachable { link, why } => {
                self.peers[link].trouble = Some(why);
                Vec::new()
            }
            LinkEvent::Answer { link, answer } => {
                let Some(pending) = &mut self.pending else { return Vec::new() };
                if pending.request.id != answer.id || pending.at != Some(link) {
                    return Vec::new();
                }
                pending.data.extend(&answer.data);
                if pending.data.len() > DATA_MAX {
                    return self.finish(
                        link,
                        Err(format!("the answer is longer than {DATA_MAX} bytes")),
                        answer.role,
                    );
                }
                if !answer.last {
                    return Vec::new();
                }
                if answer.elsewhere && !self.fixed {
                    // It is no master any more; who is will say so. This one only counts again when it announces itself.
                    pending.refused = Some(answer.error);
                    pending.at = None;
                    pending.data.clear();
                    if let Some(announce) = &mut self.peers[link].announce {
                        announce.master = false;
                    }
                    return self.dispatch();
                }
                let data = std::mem::take(&mut pending.data);
                let result = if answer.ok { Ok(data) } else { Err(answer.error) };
                self.finish(link, result, answer.role)
            }
        }
    }

    fn finish(&mut self, link: usize, result: Result<Vec<u8>, String>, role: String) -> Vec<Action> {
        self.pending = None;
        let slot = self.peers[link].announce.as_ref().map(|announce| announce.slot.clone());
        vec![Action::Finish(Finished { result, slot, role: Some(role) })]
    }

    /// The command of a lost link is sent again: its id makes sure that it is done once.
    fn release(&mut self, link: usize) {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.at == Some(link)) {
            pending.at = None;
            pending.data.clear();
        }
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

    fn dispatch(&mut self) -> Vec<Action> {
        let target = self.target();
        match (&mut self.pending, target) {
            (Some(pending), Some(at)) if pending.at.is_none() => {
                pending.at = Some(at);
                vec![Action::Send(at, pending.request.clone())]
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
