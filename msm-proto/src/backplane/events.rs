//! What can happen to a chassis, and what its backplane wants done.
//!
//! The contract with the process around the machine is that of [`crate::Machine`]: outputs are carried out in their order, and where
//! a result is named it comes back as an input, exactly one for each.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{cause::Trigger, roles::Level, slot::Slot};

/// A place for an MSM: A and B for controllers, C and D for those that give fabric and nothing else (BD6816).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bay {
    /// MSM A.
    A,
    /// MSM B.
    B,
    /// Fabric only.
    C,
    /// Fabric only.
    D,
}

impl Bay {
    /// All, in the order of the FABRICS table.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// The slot of its controller; `None` where there is none.
    #[must_use]
    pub const fn msm(self) -> Option<Slot> {
        match self {
            Self::A => Some(Slot::A),
            Self::B => Some(Slot::B),
            Self::C | Self::D => None,
        }
    }

    /// Its position in the FABRICS table.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl From<Slot> for Bay {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::A => Self::A,
            Slot::B => Self::B,
        }
    }
}

impl fmt::Display for Bay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D => "d",
        })
    }
}

/// The switching hardware of a bay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fabric {
    /// Not there: the bay is empty.
    Absent,
    /// There, with the programming that it has.
    #[default]
    Present,
    /// It lost its programming: to be programmed again, and used.
    Reset,
    /// Its diagnostics failed: not to be used until its MSM says that they pass.
    Failed,
}

impl Fabric {
    /// Whether an owner may send frames over it, once it is programmed.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Present | Self::Reset)
    }
}

impl fmt::Display for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Present => "present",
            Self::Reset => "reset",
            Self::Failed => "failed",
        })
    }
}

/// What an operator does to the chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operate {
    /// Pull the card out of this bay.
    Remove(Bay),
    /// Put a card in.
    Insert(Bay),
    /// Reboot one MSM.
    Reset {
        /// Which.
        slot: Slot,
        /// By its reset button: its fabric loses its programming.
        hard: bool,
    },
    /// Reboot all of them. Fabrics stay.
    ResetAll,
}

/// What can happen. Every variant is serialisable: a run is a list of these with their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackplaneInput {
    /// The time of [`super::Backplane::deadline`] has come.
    Tick,
    /// A process is in the slot: result of [`BackplaneOutput::Start`], or found running when the backplane started.
    Running {
        /// Where.
        slot: Slot,
        /// Which.
        pid: u32,
    },
    /// The other result of [`BackplaneOutput::Start`].
    StartFailed {
        /// Where.
        slot: Slot,
        /// Why.
        text: String,
    },
    /// A process said hello over the chassis' socket. Its pidfd is watched from now on: [`Self::Died`] will come.
    Here {
        /// Where it says that it is.
        slot: Slot,
        /// Which, as the socket says.
        pid: u32,
    },
    /// Its connection ended. That is no death.
    Gone {
        /// Where.
        slot: Slot,
        /// Whose.
        pid: u32,
    },
    /// Its pidfd is readable.
    Died {
        /// Where.
        slot: Slot,
        /// Which.
        pid: u32,
    },
    /// A watchdog kick. The first one of a process arms its watchdog.
    Kick {
        /// Where.
        slot: Slot,
        /// Whose.
        pid: u32,
        /// The option in force: the time without a kick after which the MSM is reset. Kicks come every quarter of it.
        timeout: Duration,
        /// It is the master.
        master: bool,
    },
    /// Answer to [`BackplaneOutput::Ping`], after a round trip through the critical tasks.
    Pong {
        /// Whose.
        slot: Slot,
        /// Of the question.
        number: u64,
    },
    /// A slave hears nothing of its master.
    Suspect {
        /// Who says so.
        by: Slot,
        /// The option in force: how long it has heard nothing.
        keepalive: Duration,
    },
    /// Diagnostics of the MSM in `slot` failed, says that MSM or its peer.
    DiagnosticsFailed {
        /// Where.
        slot: Slot,
        /// What failed.
        text: String,
    },
    /// Diagnostics of the MSM in `slot` passed, says that MSM.
    DiagnosticsPassed {
        /// Where.
        slot: Slot,
    },
    /// Acknowledges [`BackplaneOutput::Notice`]: the MSM's machine has it.
    Noted {
        /// Whose.
        slot: Slot,
        /// Of the notice.
        number: u64,
    },
    /// An operator's wish. Answered exactly once.
    Operator {
        /// Who asks.
        request: u64,
        /// For what.
        what: Operate,
    },
}

/// What the backplane wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackplaneOutput {
    /// Start the MSM of a slot. Result: [`BackplaneInput::Running`] or [`BackplaneInput::StartFailed`].
    Start {
        /// Where.
        slot: Slot,
    },
    /// SIGKILL by pidfd. [`BackplaneInput::Died`] follows.
    Kill {
        /// Where.
        slot: Slot,
        /// Which.
        pid: u32,
    },
    /// Ask an MSM to answer. Result: [`BackplaneInput::Pong`], or nothing.
    Ping {
        /// Whom.
        slot: Slot,
        /// Counts.
        number: u64,
    },
    /// Tell an MSM that its peer is being reset. It comes before the kill, which waits for [`BackplaneInput::Noted`], but not for
    /// long.
    Notice {
        /// Whom.
        to: Slot,
        /// Counts.
        number: u64,
        /// Which MSM.
        about: Slot,
        /// Why.
        trigger: Trigger,
    },
    /// The hardware's doing: write the FABRICS table at once. Absent: neither present nor programmed. Reset and failed: present, not
    /// programmed. Present: present, programmed as it was.
    Fabric {
        /// Which.
        bay: Bay,
        /// What it is now.
        state: Fabric,
    },
    /// Tell an MSM of all fabrics, in the order of [`Bay::ALL`].
    Fabrics {
        /// Whom.
        to: Slot,
        /// What they are.
        all: [Fabric; 4],
    },
    /// Answer an operator: what was done, or why it was not.
    Answer {
        /// Which.
        request: u64,
        /// With this.
        result: Result<String, String>,
    },
    /// Write to the log.
    Log {
        /// Weight.
        level: Level,
        /// Line.
        text: String,
    },
}

/// One bay, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BayStatus {
    /// Which.
    pub bay: Bay,
    /// Its switching hardware.
    pub fabric: Fabric,
    /// The process in it, if any.
    pub process: Option<u32>,
    /// That process is connected.
    pub connected: bool,
    /// It says that it is the master.
    pub master: bool,
    /// Its watchdog, once it was kicked.
    pub watchdog: Option<Duration>,
    /// Why it is being reset, if it is.
    pub reset: Option<Trigger>,
}
