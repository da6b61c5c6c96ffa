//! Names of owners: which MSM slot, in which epoch. The name of the pin directory is the truth about both.

use std::{fmt, str::FromStr};

/// A slot that holds an MSM. C and D give fabric only in most chassis, but are slots all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MsmSlot {
    /// Slot A.
    A,
    /// Slot B.
    B,
    /// Slot C.
    C,
    /// Slot D.
    D,
}

impl MsmSlot {
    /// Every slot, in order.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// Number as META holds it: A = 1 .. D = 4 (0 means none there).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
            Self::C => 3,
            Self::D => 4,
        }
    }

    /// The slot of a META number; `None` for 0 and for what is no slot.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::A),
            2 => Some(Self::B),
            3 => Some(Self::C),
            4 => Some(Self::D),
            _ => None,
        }
    }
}

impl fmt::Display for MsmSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D => "d",
        })
    }
}

/// A text that is no slot or no owner's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of an owner; expected <slot>-<epoch>, as in a-7")]
pub struct NameError(pub String);

impl FromStr for MsmSlot {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|slot| slot.to_string() == text).ok_or_else(|| NameError(text.to_owned()))
    }
}

/// Who owns a tree: `a-7` is slot A in the seventh ownership since the tree was created. Epochs only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerName {
    /// The owner's slot.
    pub slot: MsmSlot,
    /// Number of this ownership, from 1.
    pub epoch: u64,
}

impl OwnerName {
    /// The name that `slot` takes over to.
    #[must_use]
    pub const fn next(self, slot: MsmSlot) -> Self {
        Self { slot, epoch: self.epoch + 1 }
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.slot, self.epoch)
    }
}

impl FromStr for OwnerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parse = || {
            let (slot, epoch) = text.split_once('-')?;
            let name = Self { slot: slot.parse().ok()?, epoch: epoch.parse().ok()? };
            // One spelling a name: `a-07` and `a-+7` are not ours, and epoch 0 is never written.
            (name.epoch > 0 && name.to_string() == text).then_some(name)
        };
        parse().ok_or_else(|| NameError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for slot in MsmSlot::ALL {
            let name = OwnerName { slot, epoch: 17 };
            assert_eq!(name.to_string().parse(), Ok(name));
            assert_eq!(MsmSlot::from_number(slot.number()), Some(slot));
        }
        assert_eq!(OwnerName { slot: MsmSlot::A, epoch: 7 }.next(MsmSlot::B).to_string(), "b-8");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "a",
            "a-",
            "-7",
            "a-0",
            "a-07",
            "a-+7",
            "A-7",
            "e-7",
            "a-7-",
            "tmp-7",
            "a-99999999999999999999",
        ] {
            assert_eq!(text.parse::<OwnerName>(), Err(NameError(text.to_owned())), "{text}");
        }
    }
}
