//! Access lists and frames drawn at random: few values of everything, so that rules overlap and frames meet their borders.
#![allow(unreachable_pub, dead_code, reason = "each test binary includes this module")]

use std::collections::BTreeSet;

use msm_abi::Lport;
use msm_dataplane::plane::acl::{AclFields, AclFrames, AclIp, AclList, AclPrefix, AclRule};

/// xorshift: the same seed gives the same.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn some<T>(&mut self, n: u64, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.one_in(n)).then(|| value(self))
    }

    pub fn address(&mut self) -> u32 {
        let mut octet = |few: &[u8]| match self.below(4) {
            0 => self.below(256) as u8,
            _ => few[self.below(few.len() as u64) as usize],
        };
        u32::from_be_bytes([
            octet(&[10, 11, 0, 255]),
            octet(&[0, 1, 255]),
            octet(&[0, 7]),
            octet(&[0, 1, 128]),
        ])
    }

    pub fn prefix(&mut self) -> AclPrefix {
        let len = [0, 1, 7, 8, 9, 15, 16, 17, 20, 24, 25, 31, 32, 32][self.below(14) as usize];
        AclPrefix::new(self.address(), len)
    }

    pub fn port(&mut self) -> u16 {
        match self.below(4) {
            0 => self.below(65_536) as u16,
            _ => [0, 1, 53, 80, 255, 256, 443, 1023, 65_535][self.below(9) as usize],
        }
    }

    pub fn range(&mut self) -> (u16, u16) {
        let (a, b) = (self.port(), self.port());
        if self.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) }
    }

    pub fn mac(&mut self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.below(6) as u8]
    }

    pub fn ethertype(&mut self) -> u16 {
        [0x0800, 0x0806, 0x86dd, 0x8100, 0xffff, 0x0026][self.below(6) as usize]
    }

    pub fn lport(&mut self) -> Lport {
        [0, 1, 64, 255, 256, 1023, 1024, 1535][self.below(8) as usize]
    }

    pub fn rule(&mut self, counter: u16) -> AclRule {
        let frames = if self.one_in(4) {
            AclFrames::Ethernet {
                source: self.some(2, Self::mac),
                destination: self.some(2, Self::mac),
                ethertype: self.some(2, Self::ethertype),
            }
        } else {
            AclFrames::Ipv4 {
                source: self.some(4, Self::prefix),
                destination: self.some(4, Self::prefix),
                protocol: self.some(3, |random| [1, 6, 17, 89][random.below(4) as usize]),
                source_port: if self.one_in(4) { Some(self.range()) } else { None },
                destination_port: if self.one_in(3) { Some(self.range()) } else { None },
            }
        };
        let ingress = self
            .one_in(4)
            .then(|| (0..3).map(|_| self.lport()).collect::<BTreeSet<_>>().into_iter().collect());
        AclRule { permit: self.one_in(2), counter, ingress, frames }
    }

    pub fn list(&mut self, rules: u64) -> AclList {
        let keep = self.below(4);
        // Lists of one kind too: then some fields are not looked at.
        let fits = |rule: &AclRule| match keep {
            0 => matches!(rule.frames, AclFrames::Ethernet { .. }),
            1 => matches!(rule.frames, AclFrames::Ipv4 { source_port: None, destination_port: None, .. }),
            2 => rule.ingress.is_none(),
            _ => true,
        };
        let rules = (0..rules).map(|counter| {
            std::iter::repeat_with(|| self.rule(counter as u16)).find(&fits).expect("one in a few fits")
        });
        AclList { rules: rules.collect() }
    }

    pub fn frame(&mut self) -> AclFields {
        let ip = self.some(4, |random| {
            let protocol = [1, 6, 6, 17, 17, 89][random.below(6) as usize];
            let ports = if matches!(protocol, 6 | 17) {
                random.some(4, |random| (random.port(), random.port()))
            } else {
                None
            };
            AclIp { source: random.address(), destination: random.address(), protocol, ports }
        });
        let ethertype = if ip.is_some() { 0x0800 } else { self.ethertype() };
        AclFields { ingress: self.lport(), source: self.mac(), destination: self.mac(), ethertype, ip }
    }
}
