//! Access lists: one pass over all rules, by the class of each field.
//!
//! A field's value has a class; a class has a bit a rule, set if the rule lets that value through. The rules that match are the AND of the classes'
//! bits, the first one decides. All tables exist twice ("halves"); [`crate::PlaneConfig::acl`] says which half is in force, in one byte, and the owner
//! fills the other one. A half is one value of its map ([`crate::MapSpec::row`]): a program looks a map up once a frame, and reaches all it wants
//! in it by address.
//!
//! An IPv4 address is found by its octets in blocks of 256 (8-8-8-8, where the first octet names the block): at most three looks.

use crate::port::{LPORTS, PORTS};

/// Rules in force at most.
pub const ACL_RULES: usize = 4096;
/// Words of a rule vector at most.
pub const ACL_WORDS: usize = ACL_RULES / 64;
/// Words of a class at most: which words are not zero, and the words.
pub const ACL_VECTOR: usize = 1 + ACL_WORDS;
/// Blocks of ACL_CLASS in each half: those that are always there, and two for each address of each rule.
pub const ACL_BLOCKS: u32 = 18_432;
/// Classes in each half. A rule makes at most six (one for each address, two for each range of ports),
/// the ingress ports at most [`crate::PORTS`], the protocols 256, and each field one for its other values: every list fits.
pub const ACL_CLASSES: u32 = 26_112;
/// MAC addresses that rules name, with the keys of all others, both halves together (ACL_MAC).
pub const ACL_MACS: u32 = 2 * (2 * ACL_RULES as u32 + 2);
/// Class of a frame that is not IPv4, in place of all its IPv4 and L4 fields: the rules that do not ask for an IPv4 frame.
pub const ACL_ABSENT_IP: u16 = 0;
/// Class of an IPv4 frame without ports (another protocol than TCP and UDP, a later fragment, cut off), in place of both its
/// ports: the rules that do not ask for a port.
pub const ACL_ABSENT_L4: u16 = 1;
/// In an address's entry: the lower 15 bits are a block of ACL_CLASS (counted from the half's first), not a class.
pub const ACL_BLOCK: u16 = 0x8000;

/// Where a field's blocks begin in a half of ACL_CLASS. Blocks have 256 entries of u16.
pub mod acl_blocks {
    /// IPv4 source, by first octet; within the block the second.
    pub const SOURCE: u32 = 0;
    /// IPv4 destination.
    pub const DESTINATION: u32 = 256;
    /// Source port, by its upper octet.
    pub const SOURCE_PORT: u32 = 512;
    /// Destination port.
    pub const DESTINATION_PORT: u32 = 768;
    /// EtherType.
    pub const ETHERTYPE: u32 = 1024;
    /// IP protocol.
    pub const PROTOCOL: u32 = 1280;
    /// Ingress port (physical), by `lport / 256`.
    pub const INGRESS: u32 = 1281;
    /// The first block that an address's entry may name.
    pub const FREE: u32 = INGRESS + super::LPORTS as u32 / 256;
}
const _: () =
    assert!(LPORTS.is_multiple_of(256) && ACL_BLOCKS <= ACL_BLOCK as u32 && ACL_CLASSES <= ACL_BLOCK as u32);
const _: () = assert!(acl_blocks::FREE + 2 * 2 * ACL_RULES as u32 <= ACL_BLOCKS);
const _: () = assert!(2 + 6 * ACL_RULES + PORTS + 256 + 9 <= ACL_CLASSES as usize);

/// ACL_CLASS: array of blocks, `half * ACL_BLOCKS + block`.
pub type AclBlock = [u16; 256];

/// ACL_BITS: array of words, four an entry; `half * ACL_LINES + line`. A half begins with two words, its stride and
/// where its classes begin ([`ACL_HEAD`]); class `c` has the words from there on + `c * stride`: first which of its words are not zero (bit `w` = word `w`), then the words (bit `r % 64` of
/// word `r / 64` = rule `r`, in the order of precedence), as many as the list needs: short lists are dense.
pub type AclLine = [u64; 4];
/// Words in front of the classes.
pub const ACL_HEAD: usize = 8;
/// Entries of ACL_BITS in each half.
pub const ACL_LINES: u32 = (ACL_HEAD as u32 + ACL_CLASSES * acl_stride(ACL_RULES) as u32) / 4;

/// Words from a class to the next one, in a list of `rules`: no class lies in more cache lines than it must.
#[must_use]
pub const fn acl_stride(rules: usize) -> usize {
    match 1 + rules.div_ceil(64) {
        0..=4 => 4,
        words => words.next_multiple_of(8),
    }
}
const _: () = assert!(ACL_VECTOR <= acl_stride(ACL_RULES) && ACL_HEAD.is_multiple_of(8));

/// ACL_MAC: hash key; the value is a class (u32). An address that is not there has the class of [`AclMacKey::other`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AclMacKey {
    /// The address; of [`AclMacKey::other`] zero.
    pub mac: [u8; 6],
    /// 0 = source, 1 = destination, 2 = any other source, 3 = any other destination.
    pub field: u8,
    /// The half.
    pub half: u8,
}
const _: () = assert!(size_of::<AclMacKey>() == 8);

impl AclMacKey {
    /// The key of all addresses that no rule names; `destination` or source.
    #[must_use]
    pub const fn other(destination: bool, half: u8) -> Self {
        Self { mac: [0; 6], field: 2 + destination as u8, half }
    }
}

/// ACL_ACTIONS: array, `half * ACL_RULES + rule`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AclAction {
    /// 1 = permit, 0 = deny.
    pub permit: u32,
    /// Index in ACL_HITS, the rule's for as long as it exists.
    pub counter: u32,
}
const _: () = assert!(size_of::<AclAction>() == 8);

/// Bits of [`crate::PlaneConfig::acl`]. One byte: a frame sees one list, whole.
pub mod acl_active {
    /// Which half is in force.
    pub const HALF: u8 = 1;
    /// There are rules.
    pub const RULES: u8 = 2;
    /// Some rule asks for the source or destination MAC address or the EtherType.
    pub const MAC: u8 = 4;
    /// Some rule asks for a TCP or UDP port. Never without [`IP`].
    pub const L4: u8 = 8;
    /// Some rule asks for the ingress port.
    pub const INGRESS: u8 = 16;
    /// Some rule asks for an IPv4 frame.
    pub const IP: u8 = 32;
}
