//! Enums as numbers. A number is never given a second meaning; 0 is UNSPECIFIED and refused.

use crate::{
    cause::{Cause, Trigger},
    message::{Phase, Piece},
    options::{EsrpFailoverMode, LinkAction, Preserve, RecoveryLevel, Routing, SlaveConfig},
    slot::Slot,
    subsystem::{Reason, State, Subsystem},
};

/// An enum with a number on the wire.
pub(super) trait Numbered: Sized {
    fn code(self) -> u32;
    fn from_code(code: u32) -> Option<Self>;
}

/// Both directions from one list; a variant that is missing does not compile.
macro_rules! numbered {
    ($type:ty { $($number:literal => $variant:ident),+ $(,)? }) => {
        impl Numbered for $type {
            fn code(self) -> u32 {
                match self { $(Self::$variant => $number),+ }
            }
            fn from_code(code: u32) -> Option<Self> {
                match code { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

numbered!(Slot { 1 => A, 2 => B });
numbered!(Phase { 1 => Booting, 2 => Claiming, 3 => Orphan, 4 => Slave, 5 => Master, 6 => Leaving });
numbered!(Cause { 1 => Never, 2 => Admin, 3 => Exception, 4 => Removal, 5 => HwFailure, 6 => Watchdog, 7 => Keepalive });
numbered!(RecoveryLevel { 1 => None, 2 => Critical, 3 => All });
numbered!(Preserve { 1 => None, 2 => L2, 3 => L2L3 });
numbered!(Piece { 1 => Items, 2 => Last, 3 => Delta });
numbered!(Routing { 1 => Restart, 2 => Preserve });
numbered!(SlaveConfig { 1 => Flash, 2 => Inherited });
numbered!(EsrpFailoverMode { 1 => None, 2 => RapidReelection, 3 => RemainMaster });
numbered!(Subsystem { 1 => Configuration, 2 => L2Hardware, 3 => L3Hardware, 4 => Stp, 5 => Eaps, 6 => Arp, 7 => Esrp });
numbered!(State { 1 => Disable, 2 => Initial, 3 => Xfr, 4 => Ready, 5 => Failed, 6 => Unknown, 7 => NotAvailable });
numbered!(Reason {
    1 => None, 2 => Revision, 3 => Hotswap, 4 => ConfigCommand, 5 => Memory, 6 => BracketOverflow, 7 => InvalidBracket,
    8 => InvalidSubtype, 9 => CommError, 10 => NoXhSupport, 11 => HardwareFailed, 12 => ConfigFailed, 13 => Keepalive,
    14 => Watchdog,
});

impl Numbered for LinkAction {
    fn code(self) -> u32 {
        match self {
            Self::TakeLinksDown => 1,
            Self::KeepLinksUp(preserve) => 1 + preserve.code(),
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::TakeLinksDown),
            _ => Preserve::from_code(code.checked_sub(1)?).map(Self::KeepLinksUp),
        }
    }
}

impl Numbered for Trigger {
    fn code(self) -> u32 {
        match self {
            Self::Operator => 1,
            Self::TaskPanic { critical: false } => 2,
            Self::TaskPanic { critical: true } => 3,
            Self::ProcessDeath => 4,
            Self::WatchdogTimeout => 5,
            Self::KeepaliveLoss => 6,
            Self::Diagnostic => 7,
            Self::HotRemoval => 8,
            Self::HardReset => 9,
            Self::SlaveRemoved => 10,
            Self::SlaveReboot => 11,
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::Operator,
            2 => Self::TaskPanic { critical: false },
            3 => Self::TaskPanic { critical: true },
            4 => Self::ProcessDeath,
            5 => Self::WatchdogTimeout,
            6 => Self::KeepaliveLoss,
            7 => Self::Diagnostic,
            8 => Self::HotRemoval,
            9 => Self::HardReset,
            10 => Self::SlaveRemoved,
            11 => Self::SlaveReboot,
            _ => return None,
        })
    }
}
