//! Load sharing: several ports that are one.

use crate::port::{Lport, PORTS};

/// Load-sharing groups of a chassis.
pub const GROUPS: usize = PORTS / 2;
/// Ports of a group at most.
pub const GROUP_PORTS: usize = 8;
/// Flow buckets of a group.
pub const GROUP_BUCKETS: usize = 64;

/// How a group's port is chosen for a frame.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// By the frame's addresses: MAC, and IP where there are any.
    #[default]
    Address = 0,
    /// By the port it came in by.
    Port = 1,
    /// In turn, frame by frame (per CPU). Frames of a flow may overtake each other.
    RoundRobin = 2,
}

/// SHARING: array by group. A bucket's port is always one that is up, so that a frame needs one look.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareEntry {
    /// An [`Algorithm`] as number.
    pub algorithm: u32,
    /// Ports that are up; 0 = frames to the group are dropped and counted.
    pub active: u32,
    /// The port of each flow bucket.
    pub buckets: [Lport; GROUP_BUCKETS],
}
const _: () = assert!(size_of::<ShareEntry>() == 136);

impl Default for ShareEntry {
    fn default() -> Self {
        Self { algorithm: 0, active: 0, buckets: [0; GROUP_BUCKETS] }
    }
}

/// The ports of the buckets of a group of `members`, of which `active` are up. A bucket whose own port is up keeps it, so that a port that
/// goes or comes moves its own flows only. `None` if none is up.
#[must_use]
pub fn share_buckets(members: &[Lport], active: impl Fn(Lport) -> bool) -> Option<[Lport; GROUP_BUCKETS]> {
    let mut up = [0; GROUP_PORTS];
    let mut count = 0;
    for &member in members.iter().take(GROUP_PORTS) {
        if active(member) {
            up[count] = member;
            count += 1;
        }
    }
    if count == 0 {
        return None;
    }
    let members = &members[..members.len().min(GROUP_PORTS)];
    let mut buckets = [0; GROUP_BUCKETS];
    for (number, bucket) in buckets.iter_mut().enumerate() {
        let own = members[number % members.len()];
        *bucket = if active(own) { own } else { up[number / members.len() % count] };
    }
    Some(buckets)
}

/// Bucket of a flow hash ([`crate::flow_hash`]), by other bits than those that choose its fabric.
#[inline(always)]
pub const fn share_bucket(hash: u64) -> u32 {
    (hash >> 40) as u32 % GROUP_BUCKETS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_goes_moves_its_own_flows_only() {
        let members = [0, 1, 64, 65];
        let all = share_buckets(&members, |_| true).expect("up");
        let three = share_buckets(&members, |port| port != 64).expect("up");
        for (before, after) in all.iter().zip(three) {
            assert!(if *before == 64 { after != 64 } else { after == *before });
        }
        let taken = |port| three.iter().filter(|p| **p == port).count();
        assert!([0, 1, 65].into_iter().all(|port| taken(port) >= 20), "{three:?}");
        assert_eq!(share_buckets(&members, |_| false), None);
        assert_eq!(share_buckets(&[], |_| true), None);
    }
}
