//! Slots and owners, between the machine's names and the pin tree's.

use msm_dataplane::{MsmSlot, OwnerName as TreeName};
use msm_proto::{OwnerName, Slot};

/// The machine's slot in the tree.
pub(crate) fn tree_slot(slot: Slot) -> MsmSlot {
    match slot {
        Slot::A => MsmSlot::A,
        Slot::B => MsmSlot::B,
    }
}

/// The machine's name of an owner in the tree.
pub(crate) fn tree_name(name: OwnerName) -> TreeName {
    TreeName { slot: tree_slot(name.slot), epoch: name.epoch }
}

/// An owner of the tree as the machine names it; `None` for a slot that has no controller.
pub(crate) fn owner_name(name: TreeName) -> Option<OwnerName> {
    Slot::from_number(name.slot.number()).map(|slot| OwnerName { slot, epoch: name.epoch })
}
