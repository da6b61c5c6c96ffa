//! MSM slots, and the name of an owner: `<slot>-<epoch>`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A slot whose MSM can be master. (Slots C and D of a BD6816 give fabric only.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// MSM A: wins an election between two booting MSMs.
    A,
    /// MSM B.
    B,
}

impl Slot {
    /// The other slot.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 1 for A, 2 for B, as META has it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
        }
    }

    /// The slot of a number of META; `None` for 0 (no slot) and for slots without a controller.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::A),
            2 => Some(Self::B),
            _ => None,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// Name of the pin tree's directory: who owns it, and the how-manieth owner that is. Text form `a-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnerName {
    /// Slot of the owner.
    pub slot: Slot,
    /// Number of takeovers, from 1.
    pub epoch: u64,
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.slot, self.epoch)
    }
}

/// A text is no owner name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no owner name: expected <slot>-<epoch> such as a-7")]
pub struct OwnerNameError(String);

impl FromStr for OwnerName {
    type Err = OwnerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || OwnerNameError(text.to_owned());
        let (slot, epoch) = text.split_once('-').ok_or_else(error)?;
        let slot = match slot {
            "a" => Slot::A,
            "b" => Slot::B,
            _ => return Err(error()),
        };
        let epoch = epoch.parse().ok().filter(|epoch| *epoch >= 1).ok_or_else(error)?;
        let name = Self { slot, epoch };
        // One spelling only: "a-+7" and "a-07" are no names.
        if name.to_string() == text { Ok(name) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_names_have_one_spelling() {
        let name = OwnerName { slot: Slot::B, epoch: 12 };
        assert_eq!(name.to_string(), "b-12");
        assert_eq!("b-12".parse(), Ok(name));
        for bad in ["", "a", "a-", "a-0", "a-07", "a-+7", "c-1", "A-1", "a-1-2", "a-18446744073709551616"] {
            assert!(bad.parse::<OwnerName>().is_err(), "{bad}");
        }
    }
}
