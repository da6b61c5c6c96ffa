//! A `synchronize` that is answered as done is in the other flash, whole.

use std::collections::BTreeSet;

use msm_proto::{Answer, CommandId, Outcome, Slot};

use super::{Found, Law, Totals};
use crate::host::{self, SYNC};

#[derive(Default)]
pub(crate) struct Parcels {
    /// Parcels written, and to whose flash.
    stored: BTreeSet<(Slot, CommandId)>,
}

impl Parcels {
    /// `slot` writes its flash.
    pub(crate) fn stores(&mut self, found: &mut Found, slot: Slot, bytes: &[u8]) -> Option<CommandId> {
        let id = bytes.first_chunk().map(|first| CommandId(u64::from_le_bytes(*first)));
        if id.is_none_or(|id| bytes != host::flash(id)) {
            found.fail(Law::Acknowledged, format!("{slot} is to write half of a flash"));
        }
        self.stored.extend(id.map(|id| (slot, id)));
        id
    }

    /// An answer, which may be of a `synchronize` to the flash of `slot`.
    pub(crate) fn answered(
        &mut self,
        found: &mut Found,
        totals: &mut Totals,
        slot: Slot,
        id: CommandId,
        answer: &Answer,
    ) {
        if id.0 & SYNC != 0 && matches!(answer, Answer::Outcome(Outcome::Done(_))) {
            totals.synchronized += 1;
            if !self.stored.contains(&(slot, id)) {
                let text = format!("{id:?} answered as done, and {slot} has not written it");
                found.fail(Law::Acknowledged, text);
            }
        }
    }
}
