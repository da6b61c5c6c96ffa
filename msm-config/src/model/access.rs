//! Access lists: named rules that permit or deny frames (`create|delete access-list`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Facts, Refusal, render::Text};
use crate::ipv4net::Ipv4Net;
use crate::mac::Mac;
use crate::name::Name;
use crate::portlist::{PortList, PortSet};

/// Rules at most: what the tables hold.
pub const ACCESS_RULES_MAX: usize = msm_abi::ACL_RULES;
/// The manual's.
const PRECEDENCE_MAX: u16 = 25_600;
/// Words of the set of counters.
const WORDS: usize = ACCESS_RULES_MAX / 64;

/// Which frames a rule is about; `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matches {
    /// IPv4 frames.
    Ip {
        /// IP protocol.
        protocol: Option<u8>,
        /// To.
        destination: Option<Ipv4Net>,
        /// From.
        source: Option<Ipv4Net>,
        /// TCP or UDP port, first and last. Of a fragment that has none, none.
        destination_port: Option<(u16, u16)>,
        /// The same.
        source_port: Option<(u16, u16)>,
    },
    /// Frames of any kind.
    Mac {
        /// To.
        destination: Option<Mac>,
        /// From.
        source: Option<Mac>,
        /// What is in the frame, behind an 802.1Q tag.
        ethertype: Option<u16>,
    },
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Which frames.
    pub matches: Matches,
    /// That come in by these ports; `None`: any.
    pub ports: Option<PortSet>,
    /// They are let through; else dropped.
    pub permit: bool,
    /// The rule with the smallest one decides. No two have the same.
    pub precedence: u16,
    /// Of the rule's hits, for as long as it exists. No two have the same.
    pub counter: u16,
}

/// A rule as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// Which frames.
    pub matches: Matches,
    /// That come in by these ports; `None`: any.
    pub ports: Option<PortList>,
    /// They are let through; else dropped.
    pub permit: bool,
    /// `None`: behind all others.
    pub precedence: Option<u16>,
    /// `None`: the lowest that is free.
    pub counter: Option<u16>,
}

/// All rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLists {
    by_name: BTreeMap<Name, Arc<Access>>,
    by_precedence: BTreeMap<u16, Name>,
    /// Counters in use, a bit each.
    counters: [u64; WORDS],
}

impl Default for AccessLists {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), by_precedence: BTreeMap::new(), counters: [0; WORDS] }
    }
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// `create access-list`
    Create(Name, NewRule),
    /// `delete access-list`
    Delete(Name),
    /// `delete access-list all`
    DeleteAll,
}

impl Access {
    /// Whether this is what `rule` makes.
    pub(super) fn was_made_by(&self, rule: &NewRule, facts: &Facts) -> bool {
        let ports = rule.ports.as_ref().map(|ports| ports.resolve(&facts.ports));
        self.matches == rule.matches
            && self.permit == rule.permit
            && ports.transpose().is_ok_and(|ports| ports == self.ports)
            && rule.precedence.is_none_or(|precedence| precedence == self.precedence)
            && rule.counter.is_none_or(|counter| counter == self.counter)
    }

    /// The command that makes it, behind its name.
    fn as_typed(&self) -> NewRule {
        NewRule {
            matches: self.matches,
            ports: self.ports.as_ref().map(PortList::of),
            permit: self.permit,
            precedence: Some(self.precedence),
            counter: Some(self.counter),
        }
    }
}

impl AccessLists {
    /// The rule of that name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Arc<Access>> {
        self.by_name.get(name)
    }

    /// By precedence: the first that matches a frame decides.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Access>)> {
        self.by_precedence.values().filter_map(|name| self.by_name.get_key_value(name))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none: everything is permitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn apply(&mut self, facts: &Facts, change: &AccessChange) -> Result<(), Refusal> {
        match change {
            AccessChange::Create(name, rule) => self.create(facts, name, rule),
            AccessChange::Delete(name) => {
                let rule = self.by_name.remove(name).ok_or_else(|| Refusal::NoRule(name.clone()))?;
                self.by_precedence.remove(&rule.precedence);
                let (word, bit) = place(rule.counter);
                self.counters[word] &= !bit;
                Ok(())
            }
            AccessChange::DeleteAll => {
                *self = Self::default();
                Ok(())
            }
        }
    }

    fn create(&mut self, facts: &Facts, name: &Name, rule: &NewRule) -> Result<(), Refusal> {
        if let Some((given, _)) = self.by_name.get_key_value(name) {
            return Err(Refusal::RuleExists(given.clone()));
        }
        if self.by_name.len() >= ACCESS_RULES_MAX {
            return Err(Refusal::TooMany { what: "access lists", most: ACCESS_RULES_MAX });
        }
        let ports = rule.ports.as_ref().map(|ports| ports.resolve(&facts.ports));
        let ports = ports.transpose().map_err(Refusal::NoPort)?;
        let precedence = match rule.precedence {
            Some(precedence) => match self.by_precedence.get(&precedence) {
                Some(name) => return Err(Refusal::PrecedenceTaken { precedence, name: name.clone() }),
                None => precedence,
            },
            None => match self.by_precedence.last_key_value() {
                None => 1,
                Some((last, name)) if *last >= PRECEDENCE_MAX => {
                    return Err(Refusal::NoPrecedence(name.clone()));
                }
                Some((last, _)) => last + 1,
            },
        };
        let counter = match rule.counter {
            Some(counter) => counter,
            None => self
                .free_counter()
                .ok_or(Refusal::TooMany { what: "access lists", most: ACCESS_RULES_MAX })?,
        };
        let (word, bit) = place(counter);
        if self.counters[word] & bit != 0 {
            return Err(Refusal::CounterTaken(counter));
        }
        self.counters[word] |= bit;
        self.by_precedence.insert(precedence, name.clone());
        let rule = Access { matches: rule.matches, ports, permit: rule.permit, precedence, counter };
        self.by_name.insert(name.clone(), Arc::new(rule));
        Ok(())
    }

    fn free_counter(&self) -> Option<u16> {
        let (word, used) = self.counters.iter().enumerate().find(|(_, used)| **used != u64::MAX)?;
        u16::try_from(64 * word + used.trailing_ones() as usize).ok()
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("Access-list Configuration");
        for (name, rule) in self.iter() {
            out.line(&AccessChange::Create(name.clone(), rule.as_typed()));
        }
    }
}

/// Word and bit of a counter.
fn place(counter: u16) -> (usize, u64) {
    (usize::from(counter) / 64 % WORDS, 1 << (counter % 64))
}

struct OrAny<'a, T>(&'a Option<T>);

impl<T: fmt::Display> fmt::Display for OrAny<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("any"),
        }
    }
}

/// `ip-port`, if it is asked for.
struct IpPort(Option<(u16, u16)>);

impl fmt::Display for IpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some((low, high)) if low == high => write!(f, " ip-port {low}"),
            Some((low, high)) => write!(f, " ip-port range {low} {high}"),
        }
    }
}

impl fmt::Display for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip { protocol, destination, source, destination_port, source_port } => {
                match protocol {
                    None => f.write_str("ip")?,
                    Some(1) => f.write_str("icmp")?,
                    Some(6) => f.write_str("tcp")?,
                    Some(17) => f.write_str("udp")?,
                    Some(protocol) => write!(f, "ip protocol {protocol}")?,
                }
                write!(f, " destination {}{}", OrAny(destination), IpPort(*destination_port))?;
                write!(f, " source {}{}", OrAny(source), IpPort(*source_port))
            }
            Self::Mac { destination, source, ethertype } => {
                write!(f, "mac destination {} source {}", OrAny(destination), OrAny(source))?;
                ethertype.map_or(Ok(()), |ethertype| write!(f, " ethertype 0x{ethertype:04x}"))
            }
        }
    }
}

impl fmt::Display for NewRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = if self.permit { "permit" } else { "deny" };
        write!(f, "{} {action} ports {}", self.matches, OrAny(&self.ports))?;
        if let Some(precedence) = self.precedence {
            write!(f, " precedence {precedence}")?;
        }
        if let Some(counter) = self.counter {
            write!(f, " counter {counter}")?;
        }
        Ok(())
    }
}

impl fmt::Display for AccessChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(name, rule) => write!(f, "create access-list \"{name}\" {rule}"),
            Self::Delete(name) => write!(f, "delete access-list \"{name}\""),
            Self::DeleteAll => f.write_str("delete access-list all"),
        }
    }
}
