//! What can be measured, each by a name.

mod acl;
mod fdb;
mod flood;
mod l2;
mod l3;
mod latency;
mod peers;
mod sharing;
mod tcp;

use anyhow::Result;

use super::stage::Stage;
use crate::bed::HostSpec;

/// One scenario.
pub struct Scenario {
    /// What `--only` knows it by.
    pub name: &'static str,
    /// For people.
    pub about: &'static str,
    /// Only with `--peers`, or when it is named.
    pub asked_for: bool,
    /// Measures; rows go to the stage's report.
    pub run: fn(&mut Stage<'_>) -> Result<()>,
}

/// All of them, in the order of a run.
pub const ALL: [Scenario; 16] = [
    Scenario {
        name: "l2",
        about: "L2 known unicast, 64 bytes: 16, 1,024 and 60,000 stations",
        asked_for: false,
        run: l2::plain,
    },
    Scenario { name: "l2-1518", about: "L2 known unicast, 1,518 bytes", asked_for: false, run: l2::long },
    Scenario {
        name: "l2-full",
        about: "L2 with VLANs, 100 access-list rules, counters and learning",
        asked_for: false,
        run: l2::full,
    },
    Scenario { name: "flood-1", about: "broadcast to 1 port", asked_for: false, run: flood::one },
    Scenario { name: "flood-3", about: "broadcast to 3 ports", asked_for: false, run: flood::three },
    Scenario { name: "flood-15", about: "broadcast to 15 ports", asked_for: false, run: flood::fifteen },
    Scenario { name: "l3-host", about: "L3 to 16 hosts in IPFDB", asked_for: false, run: l3::hosts },
    Scenario { name: "l3-1", about: "L3 by 1 route", asked_for: false, run: l3::one },
    Scenario { name: "l3-1k", about: "L3 by 1,000 routes", asked_for: false, run: l3::thousand },
    Scenario {
        name: "l3-100k",
        about: "L3 by 100,000 routes, drawn uniformly",
        asked_for: false,
        run: l3::hundred_thousand,
    },
    Scenario { name: "acl", about: "0, 100 and 4,096 access-list rules", asked_for: false, run: acl::run },
    Scenario {
        name: "fdb",
        about: "1k, 64k and 1M stations, drawn uniformly",
        asked_for: false,
        run: fdb::run,
    },
    Scenario {
        name: "sharing",
        about: "to a load-sharing group of 4 ports",
        asked_for: false,
        run: sharing::run,
    },
    Scenario {
        name: "tcp",
        about: "TCP, one and eight streams, hosts' default offloads",
        asked_for: false,
        run: tcp::run,
    },
    Scenario {
        name: "latency",
        about: "latency percentiles at 20,000 frames a second",
        asked_for: false,
        run: latency::run,
    },
    Scenario {
        name: "peers",
        about: "L2 beside Open vSwitch's and DPDK's userspace forwarding",
        asked_for: true,
        run: peers::run,
    },
];

/// h1 and h2 in module 1, h3 and h4 in module 2.
pub(super) fn four() -> Vec<HostSpec> {
    vec![HostSpec::new(1, 1, 1), HostSpec::new(2, 1, 2), HostSpec::new(3, 2, 1), HostSpec::new(4, 2, 2)]
}

/// `count` hosts, at most four in a module.
pub(super) fn many(count: u8) -> Vec<HostSpec> {
    (0..count).map(|i| HostSpec::new(i + 1, u32::from(i / 4) + 1, u32::from(i % 4) + 1)).collect()
}

/// Commands as the switch reads them.
pub(super) fn lines(commands: &[&str]) -> Vec<String> {
    commands.iter().map(ToString::to_string).collect()
}
