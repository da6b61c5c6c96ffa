//! What goes wrong, while it does.

use msm_proto::{Refusal, Slot};

use crate::{SLOTS, index};

/// A failure of the next commit.
#[derive(Clone, Debug)]
pub(crate) enum CommitFault {
    /// Nothing has happened.
    Before(Refusal),
    /// The directory is renamed; the maps could not be opened.
    AfterRename,
}

/// See the file's first line. None of them at first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Applies that never end.
    pub(crate) apply_hangs: bool,
    /// The next apply ends its process, whatever it applies.
    pub(crate) apply_kills: bool,
    /// So many applies fail in the middle, and are rolled back.
    pub(crate) applies_fail: u64,
    /// Why no flash can be written: it is full.
    pub(crate) flash_full: bool,
    /// Writes of a flash that never end.
    pub(crate) flash_hangs: bool,
    /// Answer of hardware checks.
    pub(crate) hardware_fails: bool,
    /// So many loads of a configuration fail.
    pub(crate) loads_fail: u64,
    /// So many observations do not find META.
    pub(crate) meta_hides: u64,
    pub(crate) commit: Option<CommitFault>,
    /// So many attempts to open the tree again fail.
    pub(crate) reopens_fail: u64,
    /// So many starts of an MSM fail.
    pub(crate) starts_fail: u64,
    /// A process dies between two outputs of a step: how many in a thousand.
    pub(crate) crashes: u64,
    /// The process in this slot dies after so many outputs more.
    crash_after: [Option<u64>; 2],
    /// What this slot sends over the link stays under way until then.
    pub(crate) silent_until: [u64; 2],
    /// Who has timers and messages at once may see the timers first.
    pub(crate) timers_first: bool,
}

impl Faults {
    /// The process in `slot` dies after `outputs` more.
    pub(crate) fn crash_after(&mut self, slot: Slot, outputs: u64) {
        self.crash_after[index(slot)] = Some(outputs);
    }

    /// An output is about to be carried out: whether the process dies before it.
    pub(crate) fn crashes_now(&mut self, slot: Slot) -> bool {
        let left = &mut self.crash_after[index(slot)];
        match left {
            None => false,
            Some(0) => {
                *left = None;
                true
            }
            Some(more) => {
                *more -= 1;
                false
            }
        }
    }

    /// Whether one more of `left` fails.
    pub(crate) fn one(left: &mut u64) -> bool {
        let fails = *left > 0;
        *left = left.saturating_sub(1);
        fails
    }

    /// Nothing goes wrong any more.
    pub(crate) fn end(&mut self) {
        *self = Self { timers_first: self.timers_first, silent_until: self.silent_until, ..Self::default() };
        debug_assert!(SLOTS.iter().all(|slot| self.crash_after[index(*slot)].is_none()), "all are gone");
    }
}
