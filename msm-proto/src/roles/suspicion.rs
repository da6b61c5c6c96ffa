//! A slave that hears nothing of its master says so to the backplane, which finds out who is at fault.

use super::{
    core::Core,
    events::Output,
    slave::{Footing, Slave},
    timers,
};
use crate::time::Time;

/// See the file's first line.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    /// The master has said which options are in force: how often it speaks is one of them.
    pub(super) informed: bool,
    /// When it was said last.
    said: Option<Time>,
    /// This process did not run when the time came: what waits in its sockets is read before.
    patience: Option<Time>,
}

impl Slave {
    /// Since when nothing is heard, while that could mean something.
    fn silent_since(&self, core: &Core) -> Option<Time> {
        if !self.suspicion.informed || self.dead.is_some() {
            return None;
        }
        match self.footing {
            Footing::With => {
                core.link.as_ref().filter(|link| link.session == self.session).map(|link| link.heard)
            }
            Footing::Lost { since, .. } => Some(since),
            Footing::Mourning { .. } | Footing::Orphan { .. } => None,
        }
    }

    /// When it is to be said, for the first time or again.
    pub(super) fn suspects_at(&self, core: &Core) -> Option<Time> {
        let since = self.silent_since(core)?;
        let again = self.suspicion.said.map_or(since, |said| said.max(since));
        Some((again + core.options.keepalive).max(self.patience(since).unwrap_or(since)))
    }

    /// Patience that was taken since something was heard.
    fn patience(&self, since: Time) -> Option<Time> {
        self.suspicion.patience.filter(|until| *until > since)
    }

    pub(super) fn suspect(&mut self, core: &mut Core, now: Time) {
        let (Some(at), Some(since)) = (self.suspects_at(core), self.silent_since(core)) else { return };
        if now < at {
            return;
        }
        if now > at + timers::LATE && self.patience(since).is_none() {
            self.suspicion.patience = Some(now + timers::between_keepalives(&core.options));
            return;
        }
        self.suspicion.said = Some(now);
        core.push(Output::Suspect { keepalive: core.options.keepalive });
    }
}
