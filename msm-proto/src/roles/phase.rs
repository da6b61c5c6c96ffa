//! Where a machine is, with what it has there.

use super::{
    core::Core,
    election::{Electing, Taking},
    master::Master,
    slave::Slave,
    state::Role,
};
use crate::{message::Phase, time::Time};

/// See the file's first line. There is one: its size is nobody's concern.
#[expect(clippy::large_enum_variant)]
#[derive(Debug)]
pub(super) enum RoleState {
    /// Not booted.
    Off,
    /// No master is known.
    Electing(Electing),
    /// Taking the tree.
    Taking(Taking),
    /// Follows a master.
    Slave(Slave),
    /// Owns the tree.
    Master(Box<Master>),
    /// Ends its process.
    Leaving,
}

impl RoleState {
    /// As the peer sees it.
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Off | Self::Electing(_) => Phase::Booting,
            Self::Taking(_) => Phase::Claiming,
            Self::Slave(slave) => slave.phase(),
            Self::Master(_) => Phase::Master,
            Self::Leaving => Phase::Leaving,
        }
    }

    /// As operators see it: who takes the tree at boot is no slave.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Taking(taking) if taking.boots() => Role::Booting,
            state => state.phase().into(),
        }
    }

    pub(super) fn deadline(&self, core: &Core) -> Option<Time> {
        match self {
            Self::Off | Self::Leaving => None,
            Self::Electing(electing) => Some(electing.deadline()),
            Self::Taking(taking) => taking.deadline(),
            Self::Slave(slave) => slave.deadline(core),
            Self::Master(master) => master.deadline(),
        }
    }
}

impl From<Phase> for Role {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Booting => Self::Booting,
            Phase::Claiming | Phase::Orphan | Phase::Slave => Self::Slave,
            Phase::Master => Self::Master,
            Phase::Leaving => Self::Leaving,
        }
    }
}
