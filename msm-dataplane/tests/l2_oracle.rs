//! A Linux bridge as the oracle for 10,000 generated frames: every port sends the same bytes, but for what is listed here. Needs root,
//! iproute2, ethtool and the object.
//!
//! Three switches of four veths each, in one network namespace: the kernel's bridge (no STP, no snooping, no ageing, no VLANs: a tag is
//! payload to it) and the pinned programs twice, as XDP and as tcx programs. A frame goes into the same port of each; a broadcast behind
//! a few of them says when all ports have sent what they send. VLANs 1 and 5 have no station in common, so that the bridge's one table
//! for all is no difference. The differences:
//!
//! - [`Difference::Bpdu`]: to 01:80:c2:00:00:00. The bridge without STP floods it, as a hub would; a switch never does, whether it speaks
//!   STP or not (IEEE 802.1Q-2018 8.6.3). Of 01:80:c2:00:00:01 to 0f neither forwards any.
//! - [`Difference::Protocol`]: to 00:e0:2b:00:00:xx, the protocols of this vendor's switches (EDP, EAPS, ESRP). We flood it like a group
//!   address and learn no such source; to the bridge it is a station like another, which it learns, so that it sends such a frame to
//!   less ports.
//! - [`Difference::Unlearned`]: to a station that has sent nothing but frames to 01:80:c2:00:00:00 to 0f. We look at these before we learn:
//!   they are between neighbours, and nobody sends frames to their sources through a switch. The bridge learns them too.
//! - [`Difference::PriorityTag`]: VLAN id 0. It is of the port's VLAN and leaves without the tag, for the VLAN's member without one (IEEE
//!   802.1Q-2018 6.9.1, 8.1.7); to the bridge the tag is payload. The same ports.
//! - [`Difference::NotMember`]: of a VLAN that the port is no member of. We drop it; the bridge knows of no VLANs.
//!
//! No difference: a source that is a group address or zero, of which neither forwards a frame nor learns.

#[path = "kernel/bed.rs"]
#[allow(dead_code, reason = "the kernel tests use more of it")]
mod bed;
#[path = "l2_oracle/frames.rs"]
mod frames;
#[path = "oracle/host.rs"]
mod host;
#[path = "oracle/random.rs"]
mod random;
#[path = "l2_oracle/switches.rs"]
mod switches;

use std::collections::BTreeMap;

use bed::Bed;
use frames::{NOWHERE, PORTS, Sent, VID, is_bridge, is_extreme, tci, untagged};
use msm_dataplane::Driver;
use random::Random;

const FRAMES: u32 = 10_000;
/// Frames by one port in a row, at most.
const RUN: u64 = 20;
/// Numbers of the broadcasts behind them.
const FENCES: u32 = 1 << 31;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Bpdu,
    Protocol,
    Unlearned,
    PriorityTag,
    NotMember,
}

impl Difference {
    const ALL: [Self; 5] = [Self::Bpdu, Self::Protocol, Self::Unlearned, Self::PriorityTag, Self::NotMember];
}

type Copies = [(usize, Vec<u8>)];

/// Whether `ours` is right of a frame that the bridge made `theirs` of; `None` if no difference is known that this could be.
fn difference(sent: &Sent, ours: &Copies, theirs: &Copies) -> Option<Difference> {
    let frame = &sent.bytes;
    let everywhere = || (0..PORTS).filter(|port| *port != sent.port);
    let vid = tci(frame).map(|tci| tci & VID);
    let as_sent = |copies: &Copies| copies.iter().all(|(_, bytes)| bytes == frame);
    let flooded = |copies: &Copies| copies.iter().map(|(port, _)| *port).eq(everywhere());
    if frame[..6] == [1, 0x80, 0xc2, 0, 0, 0] {
        return (ours.is_empty() && flooded(theirs) && as_sent(theirs)).then_some(Difference::Bpdu);
    }
    if vid == Some(NOWHERE) {
        return (ours.is_empty() && as_sent(theirs)).then_some(Difference::NotMember);
    }
    let becomes = if vid == Some(0) { untagged(frame) } else { frame.clone() };
    let right = ours.iter().all(|(_, bytes)| *bytes == becomes) && as_sent(theirs);
    if ours.len() != theirs.len() {
        let difference = if is_extreme(&frame[..6]) {
            Difference::Protocol
        } else if is_bridge(&frame[..6]) {
            Difference::Unlearned
        } else {
            return None;
        };
        return (right && flooded(ours)).then_some(difference);
    }
    let ports = |copies: &Copies| copies.iter().map(|(port, _)| *port).collect::<Vec<_>>();
    (right && vid == Some(0) && ports(ours) == ports(theirs)).then_some(Difference::PriorityTag)
}

/// A frame's length and beginning, for people.
fn brief(frame: &[u8]) -> String {
    format!("{} bytes {:02x?}", frame.len(), &frame[..frame.len().min(32)])
}

#[test]
fn ten_thousand_frames_go_where_a_linux_bridge_sends_them() {
    Bed::run(|bed| {
        host::stay_on_this_cpu();
        host::sysctl("ipv6/conf/all/disable_ipv6", "1");
        host::sysctl("ipv6/conf/default/disable_ipv6", "1");
        let bridge = switches::linux();
        let ours = [Driver::Xdp, Driver::Tcx].map(|driver| switches::ours(bed, driver));

        let mut random = Random(0x00b2_1d6e);
        let mut differences = BTreeMap::new();
        // By the number of ports that sent it.
        let mut fates = [0u32; PORTS];
        let (mut number, mut fence) = (0, FENCES);
        while number < FRAMES {
            let port = random.below(PORTS as u64) as usize;
            let run = (1 + random.below(RUN)).min(u64::from(FRAMES - number)) as u32;
            let frames: Vec<Sent> = (number..number + run)
                .map(|number| Sent { port, bytes: frames::frame(&mut random, port, number) })
                .collect();
            let theirs = bridge.pass(&frames, fence);
            for switch in &ours {
                let ours = switch.pass(&frames, fence);
                for (number, sent) in (number..).zip(&frames) {
                    let of = |out: &switches::Out| out.get(&number).cloned().unwrap_or_default();
                    let (ours, theirs) = (of(&ours), of(&theirs));
                    if ours == theirs {
                        continue;
                    }
                    let Some(difference) = difference(sent, &ours, &theirs) else {
                        panic!(
                            "{} and a Linux bridge differ in frame {number} at port {port}, {}: {:?}, {:?}",
                            switch.name,
                            brief(&sent.bytes),
                            ours.iter().map(|(port, bytes)| (port, brief(bytes))).collect::<Vec<_>>(),
                            theirs.iter().map(|(port, bytes)| (port, brief(bytes))).collect::<Vec<_>>(),
                        );
                    };
                    *differences.entry((switch.name, difference)).or_insert(0u32) += 1;
                }
                let known = |n: &u32| (number..number + run).contains(n);
                assert!(ours.keys().chain(theirs.keys()).all(known), "frames of before");
                assert!(switch.is_silent(port) && bridge.is_silent(port), "back to where it came from");
            }
            (number..number + run).for_each(|n| fates[theirs.get(&n).map_or(0, Vec::len)] += 1);
            number += run;
            fence += 1;
        }
        println!("frames of the bridge by the ports that sent them: {fates:?}; differences: {differences:?}");
        assert!(fates[0] > FRAMES / 10 && fates[1] > FRAMES / 10 && fates[3] > FRAMES / 10, "{fates:?}");
        for switch in &ours {
            for difference in Difference::ALL {
                let met = differences.get(&(switch.name, difference)).copied().unwrap_or(0);
                assert!(met >= 20, "{difference:?} of {}: {met} times", switch.name);
            }
        }
    });
}
