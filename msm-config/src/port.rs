//! A port as operators name it: `slot:port`.

use std::fmt;
use std::str::FromStr;

use msm_abi::{Lport, PORTS_PER_SLOT, SLOTS};

/// `3:2` is port 2 of I/O slot 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortName(Lport);

impl PortName {
    /// The name of a logical port.
    #[must_use]
    pub fn of(lport: Lport) -> Self {
        Self(lport)
    }

    /// I/O slot, from 1.
    #[must_use]
    pub fn slot(self) -> u8 {
        u8::try_from(usize::from(self.0) / PORTS_PER_SLOT + 1).unwrap_or(u8::MAX)
    }

    /// Logical port.
    #[must_use]
    pub fn lport(self) -> Lport {
        self.0
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.slot(), usize::from(self.0) % PORTS_PER_SLOT + 1)
    }
}

/// The text names no port of any chassis.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is no port; slot:port with slot 1 to 16 and port 1 to 64, as 3:2")]
pub struct BadPort(String);

impl FromStr for PortName {
    type Err = BadPort;

    fn from_str(text: &str) -> Result<Self, BadPort> {
        let bad = || BadPort(text.chars().take(32).collect());
        let number = |part: &str, most: usize| {
            let digits = !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
            let n = if digits { part.parse::<usize>().ok() } else { None };
            n.filter(|n| (1..=most).contains(n)).ok_or_else(bad)
        };
        let (slot, port) = text.split_once(':').ok_or_else(bad)?;
        let lport = (number(slot, SLOTS)? - 1) * PORTS_PER_SLOT + number(port, PORTS_PER_SLOT)? - 1;
        Lport::try_from(lport).map(Self).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        let port: PortName = "3:2".parse().expect("a port");
        assert_eq!((port.lport(), port.slot(), port.to_string()), (129, 3, "3:2".to_owned()));
        assert_eq!(PortName::of(1023).to_string(), "16:64");
        for bad in ["", "3", "0:1", "1:0", "17:1", "1:65", "1:+1", "1:1:1", " 1:1"] {
            assert!(bad.parse::<PortName>().is_err(), "{bad}");
        }
    }
}
