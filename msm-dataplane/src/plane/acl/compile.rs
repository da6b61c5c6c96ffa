//! From a list to the tables: pure, and the same for the same list.

use std::collections::BTreeMap;
use std::ops::Range;

use msm_abi::{ACL_ABSENT_IP, ACL_ABSENT_L4, AclAction, AclBlock, AclMacKey, LPORTS, acl_active, acl_blocks};

use super::blocks::Blocks;
use super::classes::{Classes, Vector};
use super::list::{AclFrames, AclList, AclPrefix, AclRule};
use crate::TableError;

/// Bytes of a block.
pub(super) const BLOCK: usize = size_of::<AclBlock>();

/// A list as the tables have it: what an owner installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// [`AclList::digest`].
    pub(super) digest: u64,
    /// [`acl_active`], without the half.
    pub(super) active: u8,
    /// All blocks, from the half's first.
    pub(super) blocks: Vec<u8>,
    /// Those that mean something.
    pub(super) used: Vec<Range<u32>>,
    /// How many classes there are.
    pub(super) classes: usize,
    /// Their lines, with the half's head.
    pub(super) lines: Vec<u8>,
    /// Keys as those of half 0.
    pub(super) macs: BTreeMap<AclMacKey, u16>,
    /// Of each rule.
    pub(super) actions: Vec<AclAction>,
    /// Digest of each rule by its counter: who has a counter that was another's begins at 0.
    pub(super) counters: BTreeMap<u16, u64>,
}

impl Compiled {
    /// Blocks, classes and rules.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        let blocks = self.used.iter().map(|blocks| blocks.len()).sum();
        [blocks, self.classes, self.actions.len()]
    }
}

/// Rules, by their number.
fn numbered(list: &AclList) -> impl Iterator<Item = (u16, &AclRule)> {
    (0..).zip(&list.rules)
}

/// The rules that ask for each value of a field, and those that do not ask for the field.
fn asked<K: Ord>(list: &AclList, field: impl Fn(&AclRule) -> Option<K>) -> (BTreeMap<K, Vec<u16>>, Vector) {
    let (mut by_value, mut others) = (BTreeMap::<K, Vec<u16>>::new(), Vector::NONE);
    for (number, rule) in numbered(list) {
        match field(rule) {
            Some(value) => by_value.entry(value).or_default().push(number),
            None => others.set(number),
        }
    }
    (by_value, others)
}

impl AclList {
    /// Compiles it.
    ///
    /// # Errors
    /// [`TableError::Desired`]: what no table could hold.
    pub fn compile(&self) -> Result<Compiled, TableError> {
        self.check()?;
        let active = self.needs();
        let absent_ip = |rule: &AclRule| matches!(rule.frames, AclFrames::Ethernet { .. });
        let absent_l4 = |rule: &AclRule| rule.needs() & acl_active::L4 == 0;
        let without = |keep: &dyn Fn(&AclRule) -> bool| {
            Vector::of(numbered(self).filter(|(_, rule)| keep(rule)).map(|(number, _)| number))
        };
        const { assert!(ACL_ABSENT_IP == 0 && ACL_ABSENT_L4 == 1) };
        let mut made = Making {
            list: self,
            classes: Classes::new(&[without(&absent_ip), without(&absent_l4)]),
            blocks: Blocks::new(),
            macs: BTreeMap::new(),
        };
        if active & acl_active::IP != 0 {
            made.ip();
        }
        if active & acl_active::L4 != 0 {
            made.ports();
        }
        if active & acl_active::MAC != 0 {
            made.mac();
        }
        if active & acl_active::INGRESS != 0 {
            made.ingress();
        }
        let Making { classes, blocks, macs, .. } = made;
        let action = |rule: &AclRule| AclAction { permit: rule.permit.into(), counter: rule.counter.into() };
        Ok(Compiled {
            digest: self.digest(),
            active,
            used: blocks.used(),
            blocks: blocks.bytes(),
            classes: classes.len(),
            lines: classes.lines(self.rules.len()),
            macs,
            actions: self.rules.iter().map(action).collect(),
            counters: self.rules.iter().map(|rule| (rule.counter, rule.digest())).collect(),
        })
    }
}

struct Making<'a> {
    list: &'a AclList,
    classes: Classes,
    blocks: Blocks,
    macs: BTreeMap<AclMacKey, u16>,
}

impl Making<'_> {
    fn ip(&mut self) {
        self.addresses(acl_blocks::SOURCE, |frames| match frames {
            AclFrames::Ipv4 { source, .. } => *source,
            AclFrames::Ethernet { .. } => None,
        });
        self.addresses(acl_blocks::DESTINATION, |frames| match frames {
            AclFrames::Ipv4 { destination, .. } => *destination,
            AclFrames::Ethernet { .. } => None,
        });
        self.values(acl_blocks::PROTOCOL, 1, |frames| match frames {
            AclFrames::Ipv4 { protocol, .. } => protocol.map(u32::from),
            AclFrames::Ethernet { .. } => None,
        });
    }

    fn ports(&mut self) {
        self.ranges(acl_blocks::SOURCE_PORT, |frames| match frames {
            AclFrames::Ipv4 { source_port, .. } => *source_port,
            AclFrames::Ethernet { .. } => None,
        });
        self.ranges(acl_blocks::DESTINATION_PORT, |frames| match frames {
            AclFrames::Ipv4 { destination_port, .. } => *destination_port,
            AclFrames::Ethernet { .. } => None,
        });
    }

    fn mac(&mut self) {
        self.values(acl_blocks::ETHERTYPE, 256, |frames| match frames {
            AclFrames::Ethernet { ethertype, .. } => ethertype.map(u32::from),
            AclFrames::Ipv4 { .. } => None,
        });
        self.stations(0, |frames| match frames {
            AclFrames::Ethernet { source, .. } => *source,
            AclFrames::Ipv4 { .. } => None,
        });
        self.stations(1, |frames| match frames {
            AclFrames::Ethernet { destination, .. } => *destination,
            AclFrames::Ipv4 { .. } => None,
        });
    }

    /// An address has the rules of all prefixes that it begins with: those of a prefix are its own and those of the next shorter one.
    fn addresses(&mut self, first: u32, field: fn(&AclFrames) -> Option<AclPrefix>) {
        let (prefixes, others) = asked(self.list, |rule| field(&rule.frames));
        let any = self.classes.of(&others);
        self.blocks.field(first, 256, any);
        // In their order a prefix comes before all that begin with it.
        let mut within: Vec<(AclPrefix, Vector)> = Vec::new();
        for (prefix, rules) in &prefixes {
            within.truncate(within.partition_point(|(outer, _)| outer.has(prefix.address())));
            let vector = within.last().map_or(others, |(_, vector)| *vector).with(rules);
            let class = self.classes.of(&vector);
            self.blocks.paint_prefix(first, *prefix, class);
            within.push((*prefix, vector));
        }
    }

    /// A port has the rules of all ranges that it is in: they change where one begins or has ended.
    fn ranges(&mut self, first: u32, field: fn(&AclFrames) -> Option<(u16, u16)>) {
        let (ranges, mut vector) = asked(self.list, |rule| field(&rule.frames));
        let mut changes = BTreeMap::<u32, (Vec<u16>, Vec<u16>)>::new();
        for ((low, high), rules) in ranges {
            changes.entry(u32::from(low)).or_default().0.extend(&rules);
            changes.entry(u32::from(high) + 1).or_default().1.extend(&rules);
        }
        let class = self.classes.of(&vector);
        self.blocks.field(first, 256, class);
        let ends = changes.keys().skip(1).copied().chain([1 << 16]).collect::<Vec<_>>();
        for ((from, (coming, going)), to) in changes.into_iter().zip(ends) {
            going.iter().for_each(|rule| vector.clear(*rule));
            coming.iter().for_each(|rule| vector.set(*rule));
            if from < to {
                let class = self.classes.of(&vector);
                self.blocks.paint(first, from, to, class);
            }
        }
    }

    /// Single values of a field of `count` blocks.
    fn values(&mut self, first: u32, count: u32, field: fn(&AclFrames) -> Option<u32>) {
        let (values, others) = asked(self.list, |rule| field(&rule.frames));
        let any = self.classes.of(&others);
        self.blocks.field(first, count, any);
        for (value, rules) in &values {
            let class = self.classes.of(&others.with(rules));
            self.blocks.paint(first, *value, value + 1, class);
        }
    }

    fn stations(&mut self, field: u8, of: fn(&AclFrames) -> Option<[u8; 6]>) {
        let (macs, others) = asked(self.list, |rule| of(&rule.frames));
        let any = self.classes.of(&others);
        self.macs.insert(AclMacKey::other(field == 1, 0), any);
        for (mac, rules) in &macs {
            let class = self.classes.of(&others.with(rules));
            self.macs.insert(AclMacKey { mac: *mac, field, half: 0 }, class);
        }
    }

    fn ingress(&mut self) {
        let mut ports = BTreeMap::<u32, Vec<u16>>::new();
        let mut others = Vector::NONE;
        for (number, rule) in numbered(self.list) {
            match &rule.ingress {
                None => others.set(number),
                Some(named) => {
                    named.iter().for_each(|lport| ports.entry((*lport).into()).or_default().push(number));
                }
            }
        }
        let any = self.classes.of(&others);
        self.blocks.field(acl_blocks::INGRESS, LPORTS as u32 / 256, any);
        for (lport, rules) in &ports {
            let class = self.classes.of(&others.with(rules));
            self.blocks.paint(acl_blocks::INGRESS, *lport, lport + 1, class);
        }
    }
}
