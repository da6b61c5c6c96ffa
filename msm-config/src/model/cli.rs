//! The command line itself (`enable|disable clipaging`).

use std::fmt;

use super::render::Text;

/// How the command line behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cli {
    /// Long answers stop at each screenful, at a terminal.
    pub paging: bool,
}

impl Default for Cli {
    fn default() -> Self {
        Self { paging: true }
    }
}

/// A change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CliChange {
    /// `enable|disable clipaging`
    Paging(bool),
}

impl Cli {
    pub(super) fn apply(&mut self, CliChange::Paging(on): CliChange) {
        self.paging = on;
    }

    pub(super) fn render(self, out: &mut Text) {
        if self != Self::default() {
            out.section("CLI Configuration");
            out.line(&CliChange::Paging(self.paging));
        }
    }
}

impl fmt::Display for CliChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Paging(on) = self;
        f.write_str(if *on { "enable clipaging" } else { "disable clipaging" })
    }
}
