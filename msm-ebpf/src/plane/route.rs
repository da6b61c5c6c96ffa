//! Routing (RFC 1812 5.2, RFC 8200): what becomes of a frame to the router's address. What only a host can do goes to the stack.

use msm_abi::{
    CpuClass, DropReason, HOP_GROUP_MEMBERS, ROUTE_BLOCK, ROUTE_BLOCKS, RouteKind, route, route_index,
    route_kind, routes_active, vlan_flags,
};

use aya_ebpf::btf_maps::lpm_trie::Key;

use super::access::shared;
use super::classify;
use super::frame::Frame;
use super::limit;
use super::maps::{HOP_GROUPS, HOPS, IPFDB, IPFDB6, ROUTES, ROUTES6};
use super::parse::{Address6, Ip4, Ip6, ethertype};
use super::sharing::Flow;

const TTL_AT: usize = 8;
const HOP_LIMIT_AT: usize = 7;
/// Hop-by-hop options, which every router must look at.
const HOP_BY_HOP: u8 = 0;

/// What is to be done with a packet.
pub(crate) enum Step {
    /// It goes on to this neighbour.
    Forward(u64),
    /// To the stack, in this [`CpuClass`] (as number).
    Stack(u32),
}

impl Step {
    #[inline(always)]
    fn stack(class: CpuClass) -> Self {
        Self::Stack(class as u32)
    }
}

/// Takes a frame to the router's address in VLAN `vid` of these flags; `half` is [`routes_active`]. One that goes on is for [`rewrite`].
#[inline(always)]
pub(crate) fn take<F: Frame>(
    frame: &F,
    place: (u16, usize),
    (vid, flags): (u16, u16),
    half: u8,
) -> Result<Step, DropReason> {
    let (kind, payload) = place;
    let is4 = kind == ethertype::IPV4 && flags & vlan_flags::ROUTED != 0;
    let is6 = kind == ethertype::IPV6 && flags & vlan_flags::ROUTED6 != 0;
    let (way, packet, last) = if is4 {
        packet4(frame, payload, half)?
    } else if is6 {
        packet6(frame, payload)?
    } else {
        (Way::Local, 0, false)
    };
    let neighbour = match way {
        Way::Local => return Ok(Step::Stack(limit::class_of(frame, place, CpuClass::Local as u32))),
        Way::Stack(class) => return Ok(Step::stack(class)),
        Way::To(0) => return Ok(Step::stack(CpuClass::Resolve)),
        Way::To(_) if last => return Ok(Step::stack(CpuClass::Exception)),
        Way::To(neighbour) => neighbour,
    };
    let Some(entry) = classify::existing(neighbour as u16) else { return Ok(Step::stack(CpuClass::Resolve)) };
    if frame.longest_packet(packet, place) > u32::from(entry.mtu) {
        return Ok(Step::stack(CpuClass::Exception));
    }
    if neighbour as u16 == vid
        && comes_from(frame, place, half, vid)
        && limit::to_cpu(CpuClass::Redirect as u32).is_ok()
    {
        return Ok(Step::stack(CpuClass::Redirect));
    }
    Ok(Step::Forward(neighbour))
}

/// Whether a packet's sender is a neighbour of ours in VLAN `vid`.
#[inline(always)]
fn comes_from<F: Frame>(frame: &F, (kind, payload): (u16, usize), half: u8, vid: u16) -> bool {
    let entry = if kind == ethertype::IPV4 {
        Ip4::load(frame, payload).map_or(0, |ip| route4(ip.source(), half))
    } else {
        Ip6::load(frame, payload).map_or(0, |ip| route6(ip.source))
    };
    entry == route(RouteKind::Connected, u32::from(vid))
}

/// Makes a frame that [`take`] lets go on what its neighbour is sent: one hop on, from the router, to `to`.
#[inline(always)]
pub(crate) fn rewrite<F: Frame>(
    frame: &mut F,
    (kind, payload): (u16, usize),
    router: u64,
    to: u64,
) -> Option<()> {
    one_hop_on(frame, payload, kind == ethertype::IPV4)?;
    readdress(frame, to, router)
}

#[inline(always)]
fn one_hop_on<F: Frame>(frame: &mut F, payload: usize, is4: bool) -> Option<()> {
    if is4 {
        // Read again: to keep it over all the looks above costs more than a load.
        let next = Ip4::load(frame, payload)?.one_hop_on();
        frame.store(payload + TTL_AT, next)
    } else {
        let at = payload + HOP_LIMIT_AT - 1;
        let word: u16 = frame.load(at)?;
        frame.store(at, word - 1)
    }
}

/// New destination, the router as source.
#[inline(always)]
fn readdress<F: Frame>(frame: &mut F, to: u64, router: u64) -> Option<()> {
    frame.store(0, to << 16 | router >> 32)?;
    frame.store(8, router as u32)
}

/// Where a packet's destination leads.
enum Way {
    /// To a neighbour; 0 = not known yet.
    To(u64),
    /// To the switch itself.
    Local,
    Stack(CpuClass),
}

/// Where it leads, how long it is, and whether this is its last hop.
type Found = (Way, u32, bool);

#[inline(always)]
fn packet4<F: Frame>(frame: &F, payload: usize, half: u8) -> Result<Found, DropReason> {
    let ip = Ip4::load(frame, payload).ok_or(DropReason::BadIp)?;
    let room = room(frame, payload);
    if ip.total() < ip.header_len() || u64::from(ip.total()) > room {
        return Err(DropReason::BadIp);
    }
    // Its checksum is the stack's to see as well.
    if ip.header_len() != 20 {
        return Ok((Way::Stack(CpuClass::Exception), 0, false));
    }
    if !ip.checksum_is_good() {
        return Err(DropReason::BadIp);
    }
    if is_martian4(ip.source()) {
        return Err(DropReason::Martian);
    }
    if is_martian4(ip.destination) {
        // The limited broadcast is ours, others are nobody's.
        return if ip.destination == u32::MAX {
            Ok((Way::Local, 0, false))
        } else {
            Err(DropReason::Martian)
        };
    }
    let way = match host4(ip.destination) {
        Some(neighbour) => Way::To(neighbour),
        None => follow(route4(ip.destination, half), || Flow::of4(&ip))?,
    };
    Ok((way, ip.total(), ip.ttl() <= 1))
}

#[inline(always)]
fn packet6<F: Frame>(frame: &F, payload: usize) -> Result<Found, DropReason> {
    let ip = Ip6::load(frame, payload).ok_or(DropReason::BadIp)?;
    let room = room(frame, payload);
    let packet = ip.payload_len() + 40;
    if u64::from(packet) > room {
        return Err(DropReason::BadIp);
    }
    if is_martian6(ip.source) || is_martian6(ip.destination) {
        return Err(DropReason::Martian);
    }
    if is_link_local(ip.source) || is_link_local(ip.destination) {
        return Ok((Way::Local, 0, false));
    }
    let way = match host6(ip.destination) {
        Some(neighbour) => Way::To(neighbour),
        None => follow(route6(ip.destination), || Flow::of6(&ip))?,
    };
    Ok((way, packet, ip.hop_limit() <= 1 || ip.next_header() == HOP_BY_HOP))
}

/// Bytes from `payload` on; a tag beside the frame is not among them.
#[inline(always)]
fn room<F: Frame>(frame: &F, payload: usize) -> u64 {
    let beside = if frame.side_tag().is_some() { 4 } else { 0 };
    frame.len().wrapping_sub(payload as u64 + beside)
}

/// "This" network, loopback, and from the group addresses up (RFC 1812 5.3.7).
#[inline(always)]
fn is_martian4(address: u32) -> bool {
    let net = address >> 24;
    net == 0 || net == 127 || net >= 224
}

/// Unspecified, loopback, and the group addresses (RFC 4291 2.7, RFC 8200).
#[inline(always)]
fn is_martian6(address: Address6) -> bool {
    address.0 >> 56 == 0xFF || address.0 == 0 && address.1 <= 1
}

#[inline(always)]
fn is_link_local(address: Address6) -> bool {
    address.0 >> 54 == 0xFE80 >> 6
}

/// Where a route leads.
#[inline(always)]
fn follow(entry: u32, flow: impl FnOnce() -> Flow) -> Result<Way, DropReason> {
    let kind = route_kind(entry);
    let hop = if kind == RouteKind::Hop as u32 {
        route_index(entry)
    } else if kind == RouteKind::Group as u32 {
        let Some(group) = HOP_GROUPS.get(route_index(entry)) else { return Ok(Way::To(0)) };
        if group.count == 0 {
            return Ok(Way::To(0));
        }
        group.hops[flow().choose(group.count) as usize % HOP_GROUP_MEMBERS]
    } else if kind == RouteKind::Blackhole as u32 {
        return Err(DropReason::RouteBlackhole);
    } else if kind == RouteKind::Local as u32 {
        return Ok(Way::Local);
    } else {
        return Ok(Way::Stack(CpuClass::Resolve));
    };
    Ok(Way::To(HOPS.get(hop).map_or(0, |hop| hop.neighbour)))
}

#[inline(always)]
fn host4(address: u32) -> Option<u64> {
    // SAFETY: an atomic. An element that was given to another host meanwhile sends one frame to that host, as a change of
    // the table at this instant could.
    unsafe { shared(IPFDB.get_ptr(address)) }.map(|word| word.load())
}

#[inline(always)]
fn host6(address: Address6) -> Option<u64> {
    // SAFETY: as above.
    unsafe { shared(IPFDB6.get_ptr(octets(address))) }.map(|word| word.load())
}

#[inline(always)]
fn octets(address: Address6) -> [u8; 16] {
    let [a, b] = [address.0.to_be_bytes(), address.1.to_be_bytes()];
    [a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]
}

/// Three looks at most.
#[inline(always)]
fn route4(address: u32, half: u8) -> u32 {
    let base = u32::from(half & routes_active::HALF) * ROUTE_BLOCKS;
    let entry = |block: u32, at: u32| ROUTES.get(base + block).map_or(0, |block| block[(at & 0xFF) as usize]);
    let mut found = entry(address >> 24, address >> 16);
    if found & ROUTE_BLOCK != 0 {
        found = entry(found & !ROUTE_BLOCK, address >> 8);
        if found & ROUTE_BLOCK != 0 {
            found = entry(found & !ROUTE_BLOCK, address);
        }
    }
    found
}

#[inline(always)]
fn route6(address: Address6) -> u32 {
    ROUTES6.get(&Key::new(128, octets(address))).copied().unwrap_or(0)
}
