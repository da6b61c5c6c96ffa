//! The two areas of a flash: each holds one configuration and one image.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// What a new chassis boots from.
    #[default]
    Primary,
    /// The other.
    Secondary,
}

impl Area {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Secondary];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        })
    }
}

impl FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|area| area.to_string() == text)
            .ok_or_else(|| format!("\"{}\" is no area; primary or secondary", text.escape_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_read_as_they_are_written() {
        for area in Area::ALL {
            assert_eq!(area.to_string().parse(), Ok(area));
            assert_ne!(area.other(), area);
        }
        assert!("Primary".parse::<Area>().expect_err("case").contains("primary or secondary"));
    }
}
