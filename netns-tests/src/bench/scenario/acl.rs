//! Access lists: the rate with many rules against the rate with none.

use anyhow::Result;

use super::{four, l2};
use crate::bench::contender::Contender;
use crate::bench::rounds::Compare;
use crate::bench::stage::{Stage, script};

const SIZES: [(u32, &str, Option<f64>); 3] =
    [(0, "no rules", None), (100, "100 rules", None), (4096, "4,096 rules", Some(0.70))];

/// Numbers that look random and are the same in every run (Knuth).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) % limit
    }

    /// A prefix in 10/8, of 8 to 32 bits.
    fn prefix(&mut self) -> String {
        let length = 8 + self.below(25);
        let address = (10 << 24 | self.below(1 << 24)) & (u64::from(u32::MAX) << (32 - length));
        format!("{}/{length}", std::net::Ipv4Addr::from(address as u32))
    }
}

/// What a rule asks of ports and protocol.
fn ports_of(draw: &mut Draw) -> (&'static str, String, String) {
    let port = |value: u64| format!("ip-port {value}");
    let any = || "ip-port any".to_owned();
    match draw.below(5) {
        0 => ("ip", String::new(), String::new()),
        1 => ("tcp", any(), port(draw.below(1024))),
        2 => ("udp", any(), port(1024 + draw.below(4096))),
        3 => ("udp", port(1024 + draw.below(4096)), any()),
        _ => ("udp", any(), any()),
    }
}

/// `count` rules over addresses, protocols and ports, of hundreds of sets of fields and masks. None denies a frame of the benchmark's: those that
/// deny ask for TCP, which costs the same to find out.
pub(super) fn rules(count: u32) -> Vec<String> {
    let mut draw = Draw(1);
    let rule = |number: u32| {
        let (protocol, source_port, destination_port) = ports_of(&mut draw);
        let (destination, source) = (draw.prefix(), draw.prefix());
        let action = if protocol == "tcp" { "deny" } else { "permit" };
        let words = [
            format!("create access-list bench{number} {protocol}"),
            format!("destination {destination} {destination_port}"),
            format!("source {source} {source_port}"),
            format!("{action} ports any precedence {}", number + 1),
        ];
        words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (0..count).map(rule).collect()
}

/// 0, 100, 4,096.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let mut contenders = Vec::new();
    for (index, (count, name, _)) in SIZES.iter().enumerate() {
        let bed = stage.here(&format!("acl{index}"), &four(), &[])?;
        if *count > 0 {
            script(&bed, &rules(*count))?;
        }
        let contender = Contender { name: (*name).into(), bed, traffic: l2::ip_traffic() };
        stage.learn(&contender.bed, 8)?;
        stage.settle(&contender, 4096)?;
        contenders.push(contender);
    }
    let floor = stage.floor(&four())?;
    contenders.push(Contender { name: "floor".into(), bed: floor, traffic: l2::ip_traffic() });
    let compares = SIZES.iter().enumerate().skip(1).map(|(here, (_, name, bar))| Compare {
        name: (*name).to_owned(),
        here,
        peers: vec![0],
        peer: "here, no rules",
        bar: *bar,
    });
    stage.rounds("access lists", &contenders, &compares.collect::<Vec<_>>(), Some(3))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rules_are_of_many_kinds_and_the_same_every_time() {
        let all = rules(4096);
        assert_eq!(all, rules(4096));
        let kind = |rule: &String| {
            let words = rule.split(' ').skip(3).map(|word| match word.split_once('/') {
                Some((_, length)) => length.to_owned(),
                None if word.parse::<u32>().is_ok() => "n".to_owned(),
                None => word.to_owned(),
            });
            words.collect::<Vec<_>>()
        };
        let kinds: BTreeSet<_> = all.iter().map(kind).collect();
        assert!(kinds.len() >= 256, "{} sets of fields and masks", kinds.len());
    }
}
