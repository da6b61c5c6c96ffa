//! What a takeover takes. Each program says it once when it starts: no option and no setting of the product can.

use std::sync::atomic::{AtomicBool, Ordering};

static LABEL_ONLY: AtomicBool = AtomicBool::new(false);

/// How much of the tables a new master takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// All of it: it can write them, and the old master cannot.
    Whole,
    /// For tests only: their label, and it says that it did all of it.
    LabelOnly,
}

impl Takeover {
    /// For the whole process, before it does anything.
    pub(crate) fn set(self) {
        LABEL_ONLY.store(self == Self::LabelOnly, Ordering::Relaxed);
    }

    /// What this process does.
    pub(crate) fn here() -> Self {
        if LABEL_ONLY.load(Ordering::Relaxed) { Self::LabelOnly } else { Self::Whole }
    }
}
