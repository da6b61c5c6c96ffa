//! Names of netdevs.

use std::fmt;
use std::str::FromStr;

/// Longest name (`IFNAMSIZ` - 1).
pub const NETDEV_MAX: usize = 15;

/// A name that a netdev can have (dev_valid_name in net/core/dev.c), and that stands in a command without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetdevName(String);

/// The text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be the name of a netdev; 1 to {NETDEV_MAX} characters without / : \" and blanks")]
pub struct BadNetdev(String);

impl NetdevName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NetdevName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetdevName {
    type Err = BadNetdev;

    fn from_str(text: &str) -> Result<Self, BadNetdev> {
        let lawful = |c: char| !(c.is_whitespace() || c.is_control() || "/:\"".contains(c));
        let length = (1..=NETDEV_MAX).contains(&text.len());
        if length && text.chars().all(lawful) && text != "." && text != ".." {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadNetdev(text.chars().take(32).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses_is_no_name() {
        for good in ["s1p1", "eth0.10", "a-b_c@d", "..."] {
            assert_eq!(good.parse::<NetdevName>().expect(good).as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a b", "a\"", "0123456789abcdef"] {
            assert!(bad.parse::<NetdevName>().is_err(), "{bad}");
        }
    }
}
