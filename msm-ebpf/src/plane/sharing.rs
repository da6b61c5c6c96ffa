//! Load sharing: which port of a group a frame leaves by.

use aya_ebpf::btf_maps::PerCpuArray;
use aya_ebpf::macros::btf_map;
use msm_abi::{Algorithm, DropReason, EgressEntry, GROUP_BUCKETS, Lport, flow_hash, share_bucket};

use super::access::own;
use super::frame::Frame;
use super::maps::{EGRESS, SHARING};
use super::parse::{Ip4, Ip6, ethertype};

/// Whose turn it is. A memory of the programs alone.
#[btf_map]
static TURN: PerCpuArray<u32, 1> = PerCpuArray::new();

/// What of a frame chooses its way among equals: its addresses. The same for all frames of a flow.
#[derive(Clone, Copy)]
pub(crate) struct Flow(pub(crate) u64);

impl Flow {
    /// Of a frame between two stations, by their FDB keys where it has no IP addresses.
    #[inline(always)]
    pub(crate) fn of<F: Frame>(
        frame: &F,
        (kind, payload): (u16, usize),
        source: u64,
        destination: u64,
    ) -> Self {
        let (source, destination) = match kind {
            ethertype::IPV4 => match Ip4::load(frame, payload) {
                Some(ip) => return Self::of4(&ip),
                None => (source, destination),
            },
            ethertype::IPV6 => match Ip6::load(frame, payload) {
                Some(ip) => return Self::of6(&ip),
                None => (source, destination),
            },
            _ => (source, destination),
        };
        Self(flow_hash(source, destination))
    }
    /// Of an IPv4 packet.
    #[inline(always)]
    pub(crate) fn of4(ip: &Ip4) -> Self {
        Self(flow_hash(u64::from(ip.source()), u64::from(ip.destination)))
    }
    /// Of an IPv6 packet.
    #[inline(always)]
    pub(crate) fn of6(ip: &Ip6) -> Self {
        Self(flow_hash(ip.source.0 ^ ip.source.1, ip.destination.0 ^ ip.destination.1))
    }
    /// A number below `below`, not 0.
    #[inline(always)]
    pub(crate) fn choose(self, below: u32) -> u32 {
        (self.0 >> 32) as u32 % below
    }
    #[inline(always)]
    pub(crate) fn bucket(self) -> u32 {
        share_bucket(self.0)
    }
}

/// What must be known to send by a logical port.
#[inline(always)]
pub(crate) fn egress(lport: Lport) -> EgressEntry {
    EGRESS.get(u32::from(lport)).copied().unwrap_or_default()
}

/// The port of group `group` by which one frame leaves, and what must be known to send by it.
#[inline(always)]
pub(crate) fn member(group: u16, from: Lport, flow: Flow) -> Result<(Lport, EgressEntry), DropReason> {
    let port = in_group(group, from, true, || flow.bucket())?;
    Ok((port, egress(port)))
}

/// The port of group `group` for a frame that came in by `from`. Floods go by address where one frame is to go in turn: every copy is looked at by
/// itself, and all must agree.
#[inline(always)]
pub(crate) fn in_group(
    group: u16,
    from: Lport,
    turns: bool,
    bucket: impl FnOnce() -> u32,
) -> Result<Lport, DropReason> {
    let share = SHARING.get(u32::from(group)).ok_or(DropReason::GroupDown)?;
    if share.active == 0 {
        return Err(DropReason::GroupDown);
    }
    let bucket = if share.algorithm == Algorithm::Port as u32 {
        share_bucket(flow_hash(u64::from(from), 0))
    } else if turns && share.algorithm == Algorithm::RoundRobin as u32 {
        turn()
    } else {
        bucket()
    };
    Ok(share.buckets[bucket as usize % GROUP_BUCKETS])
}

#[inline(always)]
fn turn() -> u32 {
    // SAFETY: per CPU, and this is the only place that asks for it.
    match unsafe { own(TURN.get_ptr_mut(0)) } {
        Some(turn) => {
            *turn = turn.wrapping_add(1);
            *turn
        }
        None => 0,
    }
}
