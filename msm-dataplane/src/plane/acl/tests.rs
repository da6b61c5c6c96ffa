use std::collections::BTreeSet;

use msm_abi::Lport;

use super::*;

/// Few values of everything, so that rules overlap and frames meet their borders.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn some<T>(&mut self, n: u64, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.one_in(n)).then(|| value(self))
    }

    fn address(&mut self) -> u32 {
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

    fn prefix(&mut self) -> AclPrefix {
        let len = [0, 1, 7, 8, 9, 15, 16, 17, 20, 24, 25, 31, 32, 32][self.below(14) as usize];
        AclPrefix::new(self.address(), len)
    }

    fn port(&mut self) -> u16 {
        match self.below(4) {
            0 => self.below(65_536) as u16,
            _ => [0, 1, 53, 80, 255, 256, 443, 1023, 65_535][self.below(9) as usize],
        }
    }

    fn range(&mut self) -> (u16, u16) {
        let (a, b) = (self.port(), self.port());
        if self.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) }
    }

    fn mac(&mut self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.below(6) as u8]
    }

    fn ethertype(&mut self) -> u16 {
        [0x0800, 0x0806, 0x86dd, 0x8100, 0xffff, 0x0026][self.below(6) as usize]
    }

    fn lport(&mut self) -> Lport {
        [0, 1, 64, 255, 256, 1023, 1024, 1535][self.below(8) as usize]
    }

    fn rule(&mut self, counter: u16) -> AclRule {
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

    fn list(&mut self, rules: u64) -> AclList {
        let keep = self.below(4);
        // Lists of one kind too: then some fields are not looked at.
        let fits = |rule: &AclRule| match keep {
            0 => matches!(rule.frames, AclFrames::Ethernet { .. }),
            1 => rule.needs() & (acl_active::L4 | acl_active::MAC) == 0,
            2 => rule.ingress.is_none(),
            _ => true,
        };
        let rules = (0..rules).map(|counter| {
            std::iter::repeat_with(|| self.rule(counter as u16)).find(&fits).expect("one in a few fits")
        });
        AclList { rules: rules.collect() }
    }

    fn frame(&mut self) -> AclFields {
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

/// Lists, and frames for each.
const LISTS: u64 = 80;
const FRAMES: usize = 500;

#[test]
fn the_tables_decide_as_the_list_does() {
    let random = &mut Random(0x5eed);
    let mut decided = 0;
    for _ in 0..LISTS {
        let rules = 1 + random.below(1 + random.0 % 150);
        let list = random.list(rules);
        let compiled = list.compile().expect("lawful");
        for _ in 0..FRAMES {
            let frame = random.frame();
            let want = list.decide(&frame);
            let got = decide(&compiled, &frame);
            assert_eq!(got.map(|(rule, _)| usize::from(rule)), want, "{frame:?} in {list:#?}");
            if let Some((rule, action)) = got {
                let rule = &list.rules[usize::from(rule)];
                assert_eq!((action.permit == 1, action.counter), (rule.permit, rule.counter.into()));
                decided += 1;
            }
        }
    }
    assert!(decided > LISTS as usize * FRAMES / 4, "{decided} frames met a rule");
}

#[test]
fn the_same_list_makes_the_same_tables_and_another_digest_is_another_list() {
    let list = Random(7).list(40);
    let compiled = list.compile().expect("lawful");
    assert_eq!(list.clone().compile().expect("lawful"), compiled);
    assert_eq!(AclList::default().digest(), 0);
    let mut digests: BTreeSet<u64> = [0, list.digest()].into();
    for at in 0..list.rules.len() {
        let mut other = list.clone();
        other.rules[at].permit ^= true;
        assert!(digests.insert(other.digest()));
        let mut other = list.clone();
        other.rules.remove(at);
        assert!(digests.insert(other.digest()));
    }
}

/// A rule that makes as many classes and blocks as one can.
fn greedy(n: u16) -> AclRule {
    let prefix = |n: u32| Some(AclPrefix::new(n << 16 | 0x0101, 32));
    // Windows that slide over each other: each of their borders is another set of rules.
    let window = |width: u16| Some((8 * n + 1, 8 * n + width));
    AclRule {
        permit: true,
        counter: n,
        ingress: Some(vec![n % 1024]),
        frames: AclFrames::Ipv4 {
            source: prefix(u32::from(n)),
            destination: prefix(u32::from(n) + 8192),
            protocol: Some(n as u8),
            source_port: window(20_003),
            destination_port: window(12_006),
        },
    }
}

#[test]
fn every_list_fits_and_more_rules_are_refused() {
    let mut list = AclList { rules: (0..ACL_RULES as u16).map(greedy).collect() };
    let [blocks, classes, rules] = list.compile().expect("fits").size();
    assert!(blocks > 16_384 && classes > 20_000 && rules == ACL_RULES, "{blocks} blocks, {classes} classes");
    list.rules.push(greedy(0));
    assert!(list.compile().expect_err("one more").to_string().contains("4097 access rules"));
    let refused = |change: fn(&mut AclRule), word: &str| {
        let mut rule = greedy(1);
        change(&mut rule);
        let text = AclList { rules: vec![rule] }.compile().expect_err(word).to_string();
        assert!(text.contains(word), "{text}");
    };
    refused(|rule| rule.counter = 4096, "counter 4096");
    refused(|rule| rule.ingress = Some(vec![1536]), "port 1536");
    let twice = AclList { rules: vec![greedy(1), greedy(1)] };
    assert!(twice.compile().expect_err("one counter").to_string().contains("counter 1 of access rule 1"));

    let mac = |n: u16, last| {
        let [a, b] = n.to_be_bytes();
        Some([2, 0, 0, a, b, last])
    };
    let ethernet = |n| AclRule {
        permit: true,
        counter: n,
        ingress: None,
        frames: AclFrames::Ethernet { source: mac(n, 0), destination: mac(n, 1), ethertype: Some(n) },
    };
    let list = AclList { rules: (0..ACL_RULES as u16).map(ethernet).collect() };
    assert_eq!(list.compile().expect("fits").macs.len(), 2 * ACL_RULES + 2);
}
