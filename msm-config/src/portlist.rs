//! Port lists: `1:1-1:4,2:*`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use msm_abi::{Lport, PORTS_PER_SLOT};
use winnow::ascii::digit1;
use winnow::combinator::{alt, opt, preceded, separated, terminated};
use winnow::error::ContextError;
use winnow::{ModalResult, Parser};

use crate::port::PortName;

/// Parts of a list that are read: more than a chassis has ports.
const PARTS_MAX: usize = 1024;

/// Ports, in order.
pub type PortSet = BTreeSet<Lport>;

/// A list as it was typed: which ports `2:*` means is the chassis' to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortList(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// First and last, of one slot.
    Range(PortName, PortName),
    /// All ports of a slot.
    Slot(u8),
}

/// The text is no list of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no list of ports; slot:port, ranges and whole slots, as 1:1-1:4,2:*")]
pub struct BadPortList(String);

/// A port of the list that the chassis does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This port.
    Port(PortName),
    /// Any port in this slot.
    Slot(u8),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "port {port}"),
            Self::Slot(slot) => write!(f, "port in slot {slot}"),
        }
    }
}

impl PortList {
    /// The list of exactly these ports, shortest form.
    #[must_use]
    pub fn of(ports: &PortSet) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for port in ports.iter().map(|lport| PortName::of(*lport)) {
            match parts.last_mut() {
                Some(Part::Range(_, last))
                    if last.lport() + 1 == port.lport() && last.slot() == port.slot() =>
                {
                    *last = port;
                }
                _ => parts.push(Part::Range(port, port)),
            }
        }
        Self(parts)
    }

    /// Its ports out of those that `exist`.
    ///
    /// # Errors
    /// The first that does not.
    pub fn resolve(&self, exist: &PortSet) -> Result<PortSet, Missing> {
        let mut ports = PortSet::new();
        for part in &self.0 {
            match *part {
                Part::Range(first, last) => {
                    for lport in first.lport()..=last.lport() {
                        if !exist.contains(&lport) {
                            return Err(Missing::Port(PortName::of(lport)));
                        }
                        ports.insert(lport);
                    }
                }
                Part::Slot(slot) => {
                    let before = ports.len();
                    ports.extend(exist.iter().filter(|lport| PortName::of(**lport).slot() == slot));
                    if ports.len() == before && !exist.iter().any(|l| PortName::of(*l).slot() == slot) {
                        return Err(Missing::Slot(slot));
                    }
                }
            }
        }
        Ok(ports)
    }
}

impl fmt::Display for PortList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match part {
                Part::Range(first, last) if first == last => write!(f, "{first}")?,
                Part::Range(first, last) => write!(f, "{first}-{last}")?,
                Part::Slot(slot) => write!(f, "{slot}:*")?,
            }
        }
        Ok(())
    }
}

fn port(input: &mut &str) -> ModalResult<PortName> {
    (digit1, ':', digit1).take().try_map(str::parse).parse_next(input)
}

fn slot(input: &mut &str) -> ModalResult<Part> {
    let slot = terminated(digit1, ":*").try_map(|text: &str| format!("{text}:1").parse::<PortName>());
    slot.map(|port| Part::Slot(port.slot())).parse_next(input)
}

/// `1:1`, `1:1-1:4` or `1:1-4`, upwards and inside a slot.
fn range(input: &mut &str) -> ModalResult<Part> {
    let first = port(input)?;
    let short = digit1.try_map(move |text: &str| format!("{}:{text}", first.slot()).parse::<PortName>());
    let last = opt(preceded('-', alt((port, short))))
        .verify(move |last| last.is_none_or(|last: PortName| last.slot() == first.slot() && last >= first));
    last.map(|last| Part::Range(first, last.unwrap_or(first))).parse_next(input)
}

impl FromStr for PortList {
    type Err = BadPortList;

    fn from_str(text: &str) -> Result<Self, BadPortList> {
        let parts = separated(1..=PARTS_MAX, alt((slot, range)), ',');
        let parsed: Result<Vec<Part>, winnow::error::ParseError<&str, ContextError>> = {
            let mut parts = parts;
            winnow::Parser::<&str, Vec<Part>, winnow::error::ErrMode<ContextError>>::parse(&mut parts, text)
        };
        parsed.map(Self).map_err(|_| BadPortList(text.chars().take(64).collect()))
    }
}

const _: () = assert!(PORTS_PER_SLOT < 100, "a port's number has two digits at most");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exist() -> PortSet {
        // 1:1 to 1:4, 2:1, 2:2
        [0, 1, 2, 3, 64, 65].into()
    }

    fn resolve(text: &str) -> Result<Vec<Lport>, Missing> {
        let list: PortList = text.parse().expect("a list");
        list.resolve(&exist()).map(|ports| ports.into_iter().collect())
    }

    #[test]
    fn lists_mean_what_the_manual_says() {
        assert_eq!(resolve("1:1-1:3,2:*"), Ok(vec![0, 1, 2, 64, 65]));
        assert_eq!(resolve("1:2-3"), Ok(vec![1, 2]));
        assert_eq!(resolve("1:1,1:1"), Ok(vec![0]));
        assert_eq!(resolve("1:4-1:5"), Err(Missing::Port("1:5".parse().expect("a port"))));
        assert_eq!(resolve("3:*"), Err(Missing::Slot(3)));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in
            ["", ",", "1:1,", "1", "1:0", "1:65", "17:*", "1:3-1:1", "1:1-2:1", "1:1 - 1:2", "*", "1:1-"]
        {
            assert!(bad.parse::<PortList>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_list_prints_as_it_is_read(ports in proptest::collection::btree_set(0u16..1024, 1..200)) {
            let text = PortList::of(&ports).to_string();
            let read: PortList = text.parse().expect("what was printed");
            let all: PortSet = (0..1024).collect();
            prop_assert_eq!(read.resolve(&all).expect("all exist"), ports);
            prop_assert_eq!(read.to_string(), text);
        }
    }
}
