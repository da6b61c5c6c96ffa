//! Frames of the peer: read, checked, and given to the role.

use super::{
    Machine,
    core::Peer,
    events::{Channel, Level, Output, Session},
    phase::RoleState,
};
use crate::{
    envelope::DecodeError,
    message::{Message, Phase},
    slot::OwnerName,
    subsystem::Reason,
    time::Time,
    wire,
};

impl Machine {
    pub(super) fn is_session(&self, session: Session) -> bool {
        self.core.link.as_ref().is_some_and(|link| link.session == session)
    }

    /// The link has ended.
    pub(super) fn gone(&mut self, now: Time) {
        let core = &mut self.core;
        core.link = None;
        match &mut self.role {
            RoleState::Electing(electing) => electing.alone(core, now),
            RoleState::Slave(slave) => slave.gone(core, now),
            RoleState::Master(master) => {
                if master.peer_gone(core, now) {
                    self.role = RoleState::Leaving;
                }
            }
            RoleState::Off | RoleState::Taking(_) | RoleState::Leaving => {}
        }
    }

    pub(super) fn disconnect(&mut self, now: Time, why: &str) {
        let Some(link) = &self.core.link else { return };
        let session = link.session;
        let peer = self.core.me.slot.peer();
        self.core.log(Level::Warning, format!("link to MSM {peer} closed: {why}"));
        self.core.push(Output::Disconnect { session });
        self.gone(now);
    }

    pub(super) fn frame(&mut self, now: Time, session: Session, channel: Channel, bytes: &[u8]) {
        if !self.is_session(session) || matches!(self.role, RoleState::Leaving) {
            return;
        }
        match self.core.receive(now, channel as usize, bytes) {
            Ok((epoch, message)) => self.message(now, epoch, message),
            Err(error @ DecodeError::InvalidSubtype { subsystem, .. }) => {
                self.core.log(Level::Error, error.to_string());
                let subsystem = wire::subsystem(subsystem);
                match &mut self.role {
                    RoleState::Slave(slave) => {
                        slave.fail(&mut self.core, subsystem, Reason::InvalidSubtype);
                    }
                    RoleState::Master(master) => {
                        master.fail(&mut self.core, subsystem, Reason::InvalidSubtype);
                    }
                    _ => {}
                }
            }
            Err(error) => self.disconnect(now, &error.to_string()),
        }
    }

    fn message(&mut self, now: Time, epoch: u64, message: Message) {
        let core = &mut self.core;
        match message {
            Message::Hello { identity, phase, oldest, newest } => {
                if identity.slot == core.me.slot {
                    return self.disconnect(now, "it says that it is in this slot");
                }
                let speaks = oldest <= wire::NEWEST && newest >= wire::OLDEST;
                if !speaks {
                    core.log(
                        Level::Error,
                        format!(
                            "MSM {} speaks T-sync {oldest} to {newest}, this one {} to {}: {}",
                            identity.slot,
                            wire::OLDEST,
                            wire::NEWEST,
                            Reason::Revision
                        ),
                    );
                }
                if let Some(link) = &mut core.link {
                    link.peer = Some(Peer { identity, phase, speaks });
                }
                self.peer_says(now, epoch, phase);
            }
            Message::Phase(phase) => self.peer_says(now, epoch, phase),
            Message::Keepalive { number } => {
                if let Some(link) = &mut core.link {
                    link.keepalives.received += 1;
                }
                core.send(&Message::KeepaliveAck { number });
            }
            Message::KeepaliveAck { .. } => {
                if let Some(link) = &mut core.link {
                    link.keepalives.answered += 1;
                }
            }
            message => self.role_message(now, epoch, message),
        }
    }

    /// Where the peer is in its life.
    fn peer_says(&mut self, now: Time, epoch: u64, phase: Phase) {
        let core = &mut self.core;
        let peer_slot = core.me.slot.peer();
        if let Some(peer) = core.link.as_mut().and_then(|link| link.peer.as_mut()) {
            peer.phase = phase;
        }
        if phase == Phase::Master && !matches!(self.role, RoleState::Master(_)) {
            core.owner = Some(OwnerName { slot: peer_slot, epoch });
        }
        match &mut self.role {
            RoleState::Electing(electing) => {
                if let Some(next) = electing.settle(core, now) {
                    self.role = next;
                }
            }
            RoleState::Slave(slave) => slave.peer_says(core, now, phase),
            // Two masters: the directory's name says which one is none.
            RoleState::Master(_) if phase == Phase::Master => core.push(Output::Observe),
            RoleState::Off | RoleState::Taking(_) | RoleState::Master(_) | RoleState::Leaving => {}
        }
    }

    fn role_message(&mut self, now: Time, epoch: u64, message: Message) {
        let core = &mut self.core;
        let next = match (std::mem::replace(&mut self.role, RoleState::Leaving), message) {
            (RoleState::Slave(mut slave), message) => match message {
                Message::Released(release) => slave.released(core, now, release),
                Message::Standing(standing) => {
                    slave.standing(core, standing);
                    RoleState::Slave(slave)
                }
                Message::Demote { why } => {
                    slave.demoted(core, now, &why);
                    RoleState::Slave(slave)
                }
                Message::State { bytes } => {
                    core.push(Output::State { bytes });
                    RoleState::Slave(slave)
                }
                message => {
                    slave.log(core, epoch, message);
                    RoleState::Slave(slave)
                }
            },
            (RoleState::Taking(mut taking), Message::Demote { why }) => {
                if let Some(slave) = taking.slave() {
                    slave.demoted(core, now, &why);
                }
                RoleState::Taking(taking)
            }
            (RoleState::Master(mut master), message) => {
                if master.message(core, now, message) {
                    RoleState::Leaving
                } else {
                    RoleState::Master(master)
                }
            }
            (role, _) => role,
        };
        self.role = next;
    }
}
