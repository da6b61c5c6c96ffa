//! Something the machine lacks.

use std::fmt;

/// One line for the operator: what is missing, why that matters, what mends it.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) what: String,
    pub(super) why: &'static str,
    pub(super) mend: String,
}

impl fmt::Display for Need {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}; mend: {}", self.what, self.why, self.mend)
    }
}
