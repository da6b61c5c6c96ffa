//! The slave's side of subsystems that have state of their own: pieces and changes in their order, each acknowledged.

use std::collections::BTreeMap;

use super::{core::Core, events::Output, slave::Slave};
use crate::{
    ITEMS_MAX,
    message::{Message, Piece},
    slot::OwnerName,
    subsystem::{Reason, Subsystem},
};

/// See the file's first line.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The owner that they are of.
    of: Option<OwnerName>,
    /// Transfer, and the last number of it, by subsystem.
    rows: BTreeMap<Subsystem, (u64, u64)>,
}

impl Slave {
    /// A session with a master begins: what there is of its state goes on where it stood.
    pub(super) fn resume_intake(&mut self, core: &mut Core) {
        if self.intake.of != core.owner {
            self.intake = Intake { of: core.owner, rows: BTreeMap::new() };
        }
        for (subsystem, (transfer, number)) in &self.intake.rows {
            core.send(&Message::Resume { subsystem: *subsystem, transfer: *transfer, number: *number });
        }
    }

    pub(super) fn piece(
        &mut self,
        core: &mut Core,
        epoch: u64,
        subsystem: Subsystem,
        place: (u64, u64),
        piece: Piece,
        bytes: Vec<u8>,
    ) {
        let (transfer, number) = place;
        let first = number == 1 && piece != Piece::Delta;
        let follows = self.intake.rows.get(&subsystem) == Some(&(transfer, number.wrapping_sub(1)));
        let ours = core.owner.is_some_and(|owner| owner.epoch == epoch && self.intake.of == Some(owner));
        if !ours || !subsystem.has_state() || !(first || follows) {
            self.intake.rows.remove(&subsystem);
            return self.fail(core, subsystem, Reason::InvalidBracket);
        }
        if bytes.len() > ITEMS_MAX {
            self.intake.rows.remove(&subsystem);
            return self.fail(core, subsystem, Reason::BracketOverflow);
        }
        self.intake.rows.insert(subsystem, place);
        core.push(match piece {
            Piece::Items | Piece::Last => {
                Output::Items { subsystem, bytes, first, last: piece == Piece::Last }
            }
            Piece::Delta => Output::Delta { subsystem, bytes },
        });
        core.send(&Message::PieceAck { subsystem, transfer, number });
    }
}
