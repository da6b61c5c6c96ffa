//! What makes a failover.

use std::fmt;

use rustix::process::Signal;

/// Which scenarios to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The operator moves mastership
    Operator,
    /// The master dies
    Crash,
    /// Both
    All,
}

/// A kind of failover, as the report names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// `run msm-failover`.
    Operator,
    /// Death of the master.
    Crash,
}

/// One way to make it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `run msm-failover`.
    Command,
    /// A signal to the master's process.
    Signal(Signal),
    /// A panic of one task of the master.
    Panic,
}

impl Choice {
    /// Scenarios of the choice, in the order they run.
    pub fn causes(self) -> &'static [Scenario] {
        match self {
            Self::Operator => &[Scenario::Operator],
            Self::Crash => &[Scenario::Crash],
            Self::All => &[Scenario::Operator, Scenario::Crash],
        }
    }
}

impl Scenario {
    /// As in `--scenario` and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Crash => "crash",
        }
    }

    /// Cause of trial `number`, from 1: crashes take turns.
    pub fn cause(self, number: u32) -> Cause {
        match (self, number % 3) {
            (Self::Operator, _) => Cause::Command,
            (Self::Crash, 1) => Cause::Signal(Signal::KILL),
            (Self::Crash, 2) => Cause::Signal(Signal::SEGV),
            (Self::Crash, _) => Cause::Panic,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("run msm-failover"),
            Self::Signal(Signal::KILL) => f.write_str("SIGKILL"),
            Self::Signal(Signal::SEGV) => f.write_str("SIGSEGV"),
            Self::Signal(other) => write!(f, "signal {}", other.as_raw()),
            Self::Panic => f.write_str("panic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_take_turns() {
        let causes: Vec<String> = (1..=4).map(|n| Scenario::Crash.cause(n).to_string()).collect();
        assert_eq!(causes, ["SIGKILL", "SIGSEGV", "panic", "SIGKILL"]);
        assert_eq!(Scenario::Operator.cause(3).to_string(), "run msm-failover");
    }
}
