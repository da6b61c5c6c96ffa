//! What the tables say of a frame, step by step as the program does it.

use msm_abi::{
    ACL_ABSENT_IP, ACL_ABSENT_L4, ACL_BLOCK, ACL_BLOCKS, ACL_CLASSES, ACL_HEAD, ACL_RULES, ACL_WORDS,
    AclAction, AclMacKey, acl_active, acl_blocks, acl_stride,
};

use super::compile::{BLOCK, Compiled};
use super::fields::AclFields;
use crate::store::Store;
use crate::tables::acl::{self, AclBits};
use crate::{TableError, tables};

/// The tables of one half.
pub trait AclTables {
    /// [`acl_active`], as a frame reads it once.
    fn active(&self) -> u8;
    /// An entry of a block, from the half's first.
    fn entry(&self, block: u32, entry: u8) -> u16;
    /// A class.
    fn bits(&self, class: u16) -> AclBits;
    /// The class of a MAC address, of half 0.
    fn mac(&self, key: AclMacKey) -> Option<u16>;
    /// A rule.
    fn action(&self, rule: u16) -> AclAction;
}

/// The number of the rule that decides, and what it says; none: the frame is permitted.
#[must_use]
pub fn decide(tables: &impl AclTables, frame: &AclFields) -> Option<(u16, AclAction)> {
    let active = tables.active();
    let is = |bit: u8| active & bit != 0;
    if !is(acl_active::RULES) {
        return None;
    }
    let mut classes = Vec::new();
    if is(acl_active::MAC) {
        let station = |mac, field: u8| {
            let class = tables.mac(AclMacKey { mac, field, half: 0 });
            class.or_else(|| tables.mac(AclMacKey::other(field == 1, 0)))
        };
        classes.extend(station(frame.source, 0));
        classes.extend(station(frame.destination, 1));
        classes.push(wide(tables, acl_blocks::ETHERTYPE, frame.ethertype));
    }
    if is(acl_active::IP) {
        match frame.ip {
            None => classes.push(ACL_ABSENT_IP),
            Some(ip) => {
                classes.push(address(tables, acl_blocks::SOURCE, ip.source));
                classes.push(address(tables, acl_blocks::DESTINATION, ip.destination));
                classes.push(tables.entry(acl_blocks::PROTOCOL, ip.protocol));
                match ip.ports.filter(|_| is(acl_active::L4)) {
                    None if is(acl_active::L4) => classes.push(ACL_ABSENT_L4),
                    None => {}
                    Some((source, destination)) => {
                        classes.push(wide(tables, acl_blocks::SOURCE_PORT, source));
                        classes.push(wide(tables, acl_blocks::DESTINATION_PORT, destination));
                    }
                }
            }
        }
    }
    if is(acl_active::INGRESS) {
        classes.push(wide(tables, acl_blocks::INGRESS, frame.ingress));
    }
    first(tables, &classes)
}

/// The lowest rule that is in all classes.
fn first(tables: &impl AclTables, classes: &[u16]) -> Option<(u16, AclAction)> {
    let bits: Vec<AclBits> = classes.iter().map(|class| tables.bits(*class)).collect();
    let mut words = bits.iter().fold(u64::MAX, |sum, bits| sum & bits.sum);
    while words != 0 {
        let at = words.trailing_zeros() as usize % ACL_WORDS;
        let word = bits.iter().fold(u64::MAX, |word, bits| word & bits.words[at]);
        if word != 0 {
            let rule = (64 * at + word.trailing_zeros() as usize) as u16;
            return Some((rule, tables.action(rule)));
        }
        words &= words - 1;
    }
    None
}

/// A field of two octets.
fn wide(tables: &impl AclTables, first: u32, value: u16) -> u16 {
    let [high, low] = value.to_be_bytes();
    tables.entry(first + u32::from(high), low)
}

/// An address, octet by octet.
fn address(tables: &impl AclTables, first: u32, address: u32) -> u16 {
    let [a, b, c, d] = address.to_be_bytes();
    let mut class = tables.entry(first + u32::from(a), b);
    for octet in [c, d] {
        if class & ACL_BLOCK == 0 {
            break;
        }
        class = tables.entry((class & !ACL_BLOCK).into(), octet);
    }
    class
}

impl AclTables for Compiled {
    fn active(&self) -> u8 {
        self.active
    }

    fn entry(&self, block: u32, entry: u8) -> u16 {
        let at = block as usize * BLOCK + 2 * usize::from(entry);
        u16::from_ne_bytes([self.blocks[at], self.blocks[at + 1]])
    }

    fn bits(&self, class: u16) -> AclBits {
        let stride = acl_stride(self.actions.len());
        acl::bits(&self.lines[8 * (ACL_HEAD + usize::from(class) * stride)..][..8 * stride])
    }

    fn mac(&self, key: AclMacKey) -> Option<u16> {
        self.macs.get(&key).copied()
    }

    fn action(&self, rule: u16) -> AclAction {
        self.actions[usize::from(rule)]
    }
}

/// The list that is in force in a store. Its reads panic if they fail: it is for tests.
#[derive(Debug)]
pub struct InForce<'a, S> {
    store: &'a S,
    active: u8,
}

impl<'a, S: Store> InForce<'a, S> {
    /// Of this moment.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn now(store: &'a S) -> Result<Self, TableError> {
        Ok(Self { store, active: tables::plane_config::get(store)?.acl })
    }

    fn half(&self) -> u32 {
        u32::from(self.active & acl_active::HALF)
    }
}

impl<S: Store> AclTables for InForce<'_, S> {
    fn active(&self) -> u8 {
        self.active
    }

    fn entry(&self, block: u32, entry: u8) -> u16 {
        assert!(block < ACL_BLOCKS, "block {block}");
        acl::entry(self.store, self.half() * ACL_BLOCKS + block, entry).expect("read")
    }

    fn bits(&self, class: u16) -> AclBits {
        assert!(u32::from(class) < ACL_CLASSES, "class {class}");
        acl::class(self.store, self.half(), class).expect("read")
    }

    fn mac(&self, key: AclMacKey) -> Option<u16> {
        let key = AclMacKey { half: self.active & acl_active::HALF, ..key };
        acl::mac(self.store, &key).expect("read")
    }

    fn action(&self, rule: u16) -> AclAction {
        acl::action(self.store, self.half() * ACL_RULES as u32 + u32::from(rule)).expect("read")
    }
}
