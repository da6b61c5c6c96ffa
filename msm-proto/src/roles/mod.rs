//! The machine of one MSM: election, T-sync session, replication, handover.

mod events;
mod state;

pub use events::{
    Answer, Channel, CommandId, Input, Level, MetaView, Outcome, Output, Outputs, Refusal, Session, Takeover,
};
pub use state::{History, Identity, Keepalives, PeerStatus, Role, Stamps, Status};

use crate::{
    options::Options,
    subsystem::{Reason, State, Subsystem, SubsystemStatus},
    time::Time,
};

/// One MSM.
#[derive(Debug)]
pub struct Machine {
    identity: Identity,
    options: Options,
}

impl Machine {
    /// An MSM that has not started yet: its first input is [`Input::Boot`].
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, options: Options::default() }
    }

    /// Takes one input at `now` and says what is to be done. Never panics on what a peer or a client says.
    pub fn step(&mut self, now: Time, input: Input) -> Outputs {
        let _ = now;
        if let Input::Boot { options } = input {
            self.options = options;
        }
        Vec::new()
    }

    /// When [`Input::Tick`] is due. Changes with every step; a Tick that comes early does nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        None
    }

    /// What this MSM shows of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            identity: self.identity.clone(),
            role: Role::Booting,
            peer: None,
            owner: None,
            ready_slot: None,
            generation: 0,
            options: self.options,
            history: History::default(),
            subsystems: Subsystem::ALL
                .map(|name| SubsystemStatus {
                    name,
                    state: State::NotAvailable,
                    reason: Reason::None,
                    old_state: State::NotAvailable,
                    old_reason: Reason::None,
                })
                .to_vec(),
            keepalives: Keepalives::default(),
        }
    }
}
