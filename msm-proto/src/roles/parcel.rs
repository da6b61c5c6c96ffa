//! `synchronize`: the master's flash as one parcel, which the slave's process writes to its own.
//!
//! It has nothing to do with readiness: it goes to every slave that speaks, between the records, by a window of its own.

use super::{
    core::Core,
    events::{CommandId, Outcome, Output, Session},
    master::Master,
    slave::Slave,
    timers,
};
use crate::{
    message::{Message, Phase},
    replication::{CHUNK, CHUNKS_MAX},
    time::Time,
};

/// Pieces under way: a parcel never fills an outbox, nor keeps records waiting for more than these.
const WINDOW: u32 = 4;

/// One on its way, as its master has it.
#[derive(Debug)]
pub(super) struct Parcel {
    id: CommandId,
    pieces: Vec<Vec<u8>>,
    sent: u32,
    acked: u32,
    until: Time,
}

impl Parcel {
    pub(super) fn deadline(&self) -> Time {
        self.until
    }

    fn advance(&mut self, core: &mut Core) {
        // At most CHUNKS_MAX.
        let count = u32::try_from(self.pieces.len()).unwrap_or(u32::MAX);
        while self.sent < count && self.sent < self.acked + WINDOW {
            let bytes = std::mem::take(&mut self.pieces[self.sent as usize]);
            core.send(&Message::Parcel { id: self.id, index: self.sent, count, bytes });
            self.sent += 1;
        }
    }
}

impl Master {
    /// A client wants the slave's flash to be as this one's.
    pub(super) fn synchronize(&mut self, core: &mut Core, now: Time, id: CommandId, bytes: &[u8]) {
        let slave = core.me.slot.peer();
        if let Some(outcome) = core.outcomes.get(id).cloned() {
            return core.outcome(id, outcome);
        }
        match &self.parcel {
            Some(parcel) if parcel.id == id => return,
            Some(_) => return core.refuse(id, "a synchronize is in progress: try again when it has ended"),
            None => {}
        }
        if self.handover.is_some() {
            return core.elsewhere(id, "a failover is in progress: send it again, to the new master");
        }
        if bytes.len() > crate::SNAPSHOT_MAX {
            return core.refuse(id, format!("a flash of {} bytes is too large to be sent", bytes.len()));
        }
        match core.peer() {
            Some(peer) if peer.phase == Phase::Slave && peer.speaks => {}
            Some(peer) if peer.phase == Phase::Slave => {
                return core.refuse(id, format!("MSM {slave} speaks another version of T-sync"));
            }
            _ => return core.refuse(id, format!("there is no slave: MSM {slave} is <not available>")),
        }
        let mut pieces: Vec<_> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
        if pieces.is_empty() {
            pieces.push(Vec::new());
        }
        let mut parcel = Parcel { id, pieces, sent: 0, acked: 0, until: now + timers::PARCEL };
        parcel.advance(core);
        self.parcel = Some(parcel);
    }

    /// The slave has a piece.
    pub(super) fn parcel_acknowledged(&mut self, core: &mut Core, id: CommandId, index: u32) {
        if let Some(parcel) = &mut self.parcel
            && parcel.id == id
            && parcel.acked == index
            && index < parcel.sent
        {
            parcel.acked += 1;
            parcel.advance(core);
        }
    }

    /// The slave has written it, or says why not.
    pub(super) fn parcel_stored(&mut self, core: &mut Core, id: CommandId, outcome: Outcome) {
        let Some(parcel) = self.parcel.take_if(|parcel| parcel.id == id) else { return };
        core.outcomes.keep(parcel.id, &outcome);
        core.outcome(parcel.id, outcome);
    }

    /// It cannot end any more.
    pub(super) fn fail_parcel(&mut self, core: &mut Core, why: &str) {
        if let Some(Parcel { id, .. }) = self.parcel {
            self.parcel_stored(core, id, Outcome::Failed(why.to_owned()));
        }
    }

    /// A failover begins: the next master has a flash of its own to send.
    pub(super) fn leave_parcel(&mut self, core: &mut Core) {
        if let Some(parcel) = self.parcel.take() {
            core.elsewhere(parcel.id, "a failover is in progress: send it again, to the new master");
        }
    }

    pub(super) fn tick_parcel(&mut self, core: &mut Core, now: Time) {
        if self.parcel.as_ref().is_some_and(|parcel| now >= parcel.until) {
            let seconds = timers::PARCEL.as_secs();
            let why = format!("MSM {} did not store it within {seconds} s", core.me.slot.peer());
            self.fail_parcel(core, &why);
        }
    }
}

/// One on its way, as the slave has it.
#[derive(Debug)]
pub(super) struct Incoming {
    id: CommandId,
    count: u32,
    next: u32,
    bytes: Vec<u8>,
}

impl Slave {
    /// A piece of a parcel. What is refused is told once; the pieces that were under way are then of no parcel.
    pub(super) fn parcel(&mut self, core: &mut Core, id: CommandId, index: u32, count: u32, piece: Vec<u8>) {
        if index == 0 {
            if count == 0 || count > CHUNKS_MAX {
                return refuse(core, id, format!("a parcel of {count} pieces"));
            }
            self.incoming = Some(Box::new(Incoming { id, count, next: 0, bytes: Vec::new() }));
        }
        let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.id == id) else { return };
        if index != incoming.next || count != incoming.count || piece.len() > CHUNK {
            self.incoming = None;
            return refuse(core, id, "its pieces do not follow from each other");
        }
        incoming.bytes.extend(piece);
        incoming.next += 1;
        core.send(&Message::ParcelAck { id, index });
        let Some(whole) = self.incoming.take_if(|incoming| incoming.next == incoming.count) else { return };
        let Some(session) = core.link.as_ref().map(|link| link.session) else { return };
        if core.storing.is_some() {
            return refuse(core, id, "the one before is still being written: try again");
        }
        core.storing = Some((session, id));
        core.push(Output::StoreFlash { bytes: whole.bytes });
    }
}

/// Result of a StoreFlash. Who asked may be gone.
pub(super) fn stored(core: &mut Core, result: Result<(), String>) {
    let Some((session, id)) = core.storing.take() else { return };
    if is_session(core, session) {
        match result {
            Ok(()) => {
                let outcome = Outcome::Done(format!("MSM {} has stored it", core.me.slot));
                core.send(&Message::ParcelStored { id, outcome });
            }
            Err(why) => refuse(core, id, why),
        }
    }
}

fn is_session(core: &Core, session: Session) -> bool {
    core.link.as_ref().is_some_and(|link| link.session == session)
}

fn refuse(core: &mut Core, id: CommandId, why: impl std::fmt::Display) {
    let outcome = Outcome::Failed(format!("MSM {}: {why}", core.me.slot));
    core.send(&Message::ParcelStored { id, outcome });
}
