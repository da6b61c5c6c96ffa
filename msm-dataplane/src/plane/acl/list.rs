//! An access list, typed: which frames each rule is about. What the compiler reads, and the plain meaning that it must keep.

use std::collections::BTreeSet;

use msm_abi::{ACL_RULES, LPORTS, Lport, acl_active};

use super::fields::AclFields;
use crate::TableError;

/// Rules in the order in which they are asked; what none of them matches is permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AclList {
    /// The first that matches decides.
    pub rules: Vec<AclRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclRule {
    /// Frames are let through; else dropped.
    pub permit: bool,
    /// Index in ACL_HITS: no two rules have the same.
    pub counter: u16,
    /// Physical ports by which a frame comes in; `None`: any.
    pub ingress: Option<Vec<Lport>>,
    /// Which frames.
    pub frames: AclFrames,
}

/// Which frames; `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclFrames {
    /// IPv4.
    Ipv4 {
        /// From.
        source: Option<AclPrefix>,
        /// To.
        destination: Option<AclPrefix>,
        /// IP protocol.
        protocol: Option<u8>,
        /// First and last. A frame without ports has none that would match.
        source_port: Option<(u16, u16)>,
        /// The same.
        destination_port: Option<(u16, u16)>,
    },
    /// Any frame.
    Ethernet {
        /// From.
        source: Option<[u8; 6]>,
        /// To.
        destination: Option<[u8; 6]>,
        /// What is in it.
        ethertype: Option<u16>,
    },
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclPrefix {
    address: u32,
    len: u8,
}

impl AclPrefix {
    /// The first `len` bits of `address`; over 32 are 32.
    #[must_use]
    pub const fn new(address: u32, len: u8) -> Self {
        let len = if len > 32 { 32 } else { len };
        let mask = if len == 0 { 0 } else { u32::MAX << (32 - len as u32) };
        Self { address: address & mask, len }
    }

    /// The first address.
    #[must_use]
    pub const fn address(self) -> u32 {
        self.address
    }

    /// Bits.
    #[must_use]
    pub const fn len(self) -> u8 {
        self.len
    }

    /// True if all addresses begin so.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// True if `address` begins so.
    #[must_use]
    pub const fn has(self, address: u32) -> bool {
        Self::new(address, self.len).address == self.address
    }
}

impl AclFrames {
    fn has(&self, frame: &AclFields) -> bool {
        match *self {
            Self::Ethernet { source, destination, ethertype } => {
                source.is_none_or(|mac| mac == frame.source)
                    && destination.is_none_or(|mac| mac == frame.destination)
                    && ethertype.is_none_or(|ethertype| ethertype == frame.ethertype)
            }
            Self::Ipv4 { source, destination, protocol, source_port, destination_port } => {
                let Some(ip) = frame.ip else { return false };
                let within = |range: Option<(u16, u16)>, port: Option<u16>| {
                    range.is_none_or(|(low, high)| port.is_some_and(|port| (low..=high).contains(&port)))
                };
                source.is_none_or(|prefix| prefix.has(ip.source))
                    && destination.is_none_or(|prefix| prefix.has(ip.destination))
                    && protocol.is_none_or(|protocol| protocol == ip.protocol)
                    && within(source_port, ip.ports.map(|(source, _)| source))
                    && within(destination_port, ip.ports.map(|(_, destination)| destination))
            }
        }
    }
}

impl AclRule {
    /// True if it is about `frame`.
    #[must_use]
    pub fn has(&self, frame: &AclFields) -> bool {
        self.ingress.as_ref().is_none_or(|ports| ports.contains(&frame.ingress)) && self.frames.has(frame)
    }

    /// Bits of [`acl_active`] that it needs.
    pub(super) fn needs(&self) -> u8 {
        let fields = match self.frames {
            AclFrames::Ethernet { .. } => acl_active::MAC,
            AclFrames::Ipv4 { source_port: None, destination_port: None, .. } => acl_active::IP,
            AclFrames::Ipv4 { .. } => acl_active::IP | acl_active::L4,
        };
        let ingress = if self.ingress.is_some() { acl_active::INGRESS } else { 0 };
        acl_active::RULES | fields | ingress
    }

    /// A number for what it says; what two rules that differ share is chance.
    pub(super) fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(u64::from(self.permit) << 16 | u64::from(self.counter));
        match &self.ingress {
            None => digest.word(u64::MAX),
            Some(ports) => {
                digest.word(ports.len() as u64);
                ports.iter().for_each(|lport| digest.word(u64::from(*lport)));
            }
        }
        let prefix = |prefix: Option<AclPrefix>| {
            prefix.map_or(u64::MAX, |prefix| u64::from(prefix.address) << 8 | u64::from(prefix.len))
        };
        let range = |range: Option<(u16, u16)>| {
            range.map_or(u64::MAX, |(low, high)| u64::from(low) << 16 | u64::from(high))
        };
        let mac = |mac: Option<[u8; 6]>| {
            mac.map_or(u64::MAX, |mac| mac.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        };
        match self.frames {
            AclFrames::Ipv4 { source, destination, protocol, source_port, destination_port } => {
                digest.word(4);
                digest.word(prefix(source));
                digest.word(prefix(destination));
                digest.word(protocol.map_or(u64::MAX, u64::from));
                digest.word(range(source_port));
                digest.word(range(destination_port));
            }
            AclFrames::Ethernet { source, destination, ethertype } => {
                digest.word(2);
                digest.word(mac(source));
                digest.word(mac(destination));
                digest.word(ethertype.map_or(u64::MAX, u64::from));
            }
        }
        digest.0
    }
}

impl AclList {
    /// The rule that decides on `frame`, by asking one after the other: what the tables must say too.
    #[must_use]
    pub fn decide(&self, frame: &AclFields) -> Option<usize> {
        self.rules.iter().position(|rule| rule.has(frame))
    }

    /// A number for the list, never 0 but for an empty one: the tables in force carry it, so that a new owner finds them right
    /// without compiling or reading anything.
    #[must_use]
    pub fn digest(&self) -> u64 {
        if self.rules.is_empty() {
            return 0;
        }
        let mut digest = Digest::new();
        self.rules.iter().for_each(|rule| digest.word(rule.digest()));
        digest.0.max(1)
    }

    /// Bits of [`acl_active`] that it needs, without the half.
    pub(super) fn needs(&self) -> u8 {
        self.rules.iter().fold(0, |needs, rule| needs | rule.needs())
    }

    /// Refuses what no table could hold.
    pub(super) fn check(&self) -> Result<(), TableError> {
        let refuse = |why: String| Err(TableError::Desired(why));
        if self.rules.len() > ACL_RULES {
            return refuse(format!("{} access rules; there is room for {ACL_RULES}", self.rules.len()));
        }
        let mut counters = BTreeSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            if usize::from(rule.counter) >= ACL_RULES || !counters.insert(rule.counter) {
                return refuse(format!(
                    "counter {} of access rule {at}; each rule has its own below {ACL_RULES}",
                    rule.counter
                ));
            }
            let ports = rule.ingress.iter().flatten();
            if let Some(lport) = ports.copied().find(|lport| usize::from(*lport) >= LPORTS) {
                return refuse(format!("logical port {lport} in access rule {at}; there are {LPORTS}"));
            }
            if let AclFrames::Ipv4 { source_port, destination_port, .. } = rule.frames
                && let Some((low, high)) =
                    [source_port, destination_port].into_iter().flatten().find(|(low, high)| low > high)
            {
                return refuse(format!("ports {low} to {high} in access rule {at}"));
            }
        }
        Ok(())
    }
}

/// FNV-1a over words, with the version of the tables' meaning: an owner that would compile otherwise finds another digest.
struct Digest(u64);

impl Digest {
    const VERSION: u64 = 2;

    fn new() -> Self {
        let mut digest = Self(0xcbf2_9ce4_8422_2325);
        digest.word(Self::VERSION);
        digest
    }

    fn word(&mut self, word: u64) {
        for byte in word.to_ne_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
