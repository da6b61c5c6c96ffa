//! When ospfd has died: its neighbours are told that it will be back, and it itself that it was away (RFC 3623).

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::net::{AddressFamily, Protocol, RawProtocol, SendFlags, SocketAddrV4, SocketType};
use tracing::{info, warn};

use super::ears::OSPF;
use super::install;
use super::lsa::{self, Grace};
use super::orders::{Link, Orders};
use super::place::{self, Place};

/// AllSPFRouters (RFC 2328 A.1).
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// Internetwork control (RFC 2328 A.1).
const PRECEDENCE: u8 = 0xc0;
/// Sequence numbers begin at 0x80000001 and go up to 0x7fffffff, as signed numbers (RFC 2328 12.1.6). Half seconds since then are always more
/// than those of an earlier death, and leave one for the end of it.
const FIRST_SEQUENCE: u32 = 0x8000_0001;
const SEQUENCE_EPOCH: u64 = 1_700_000_000;

/// Tells everybody. False: nobody could be told, and ospfd begins as if it were new.
pub(super) fn announce(place: &Place, orders: &Orders) -> bool {
    if orders.ospf.is_none() {
        return false;
    }
    let until = now() + u64::from(orders.hold_s);
    let record = serde_json::json!({
        "instances": { "default": { "gracePeriod": orders.hold_s, "timestamp": until } }
    });
    if let Err(error) = record_restart(place, &record) {
        warn!("{}: {error}; neighbours will see ospfd leave and come", place.restarted().display());
        return false;
    }
    tell(orders, false);
    true
}

/// Tells everybody that it is back.
pub(super) fn end(orders: &Orders) {
    tell(orders, true);
}

/// Writes what ospfd reads when it starts, and takes its name out of when it has ended its restart.
pub(super) fn record_restart(place: &Place, record: &serde_json::Value) -> io::Result<()> {
    let file = place.restarted();
    place::replace(&file, record.to_string().as_bytes())?;
    install::give(&file)
}

/// Whether ospfd's name is in that.
pub(super) fn is_recorded(place: &Place) -> bool {
    let text = std::fs::read(place.restarted()).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    record["instances"]["default"].is_object()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn tell(orders: &Orders, over: bool) {
    let Some(speaker) = &orders.ospf else { return };
    let age = u32::try_from(now().saturating_sub(SEQUENCE_EPOCH).saturating_mul(2)).unwrap_or(0);
    for (link, number) in speaker.links.iter().zip(1..) {
        let grace = Grace {
            router_id: speaker.router_id,
            area: link.area,
            link: number,
            over,
            address: link.broadcast.then_some(link.address),
            period_s: orders.hold_s,
            sequence: FIRST_SEQUENCE.saturating_add(age).saturating_add(u32::from(over)),
        };
        let what = if over { "is back" } else { "restarts" };
        match send(link, &lsa::update(&grace)) {
            Ok(()) => info!("{}: neighbours know that OSPF {what}", link.netdev),
            Err(error) => warn!("{}: neighbours are not told that OSPF {what}: {error}", link.netdev),
        }
    }
}

fn send(link: &Link, packet: &[u8]) -> io::Result<()> {
    let protocol = RawProtocol::new(OSPF).map(Protocol::from_raw);
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::RAW, protocol)?;
    bind_to(&socket, &link.netdev)?;
    rustix::net::sockopt::set_ip_tos(&socket, PRECEDENCE)?;
    rustix::net::sockopt::set_ip_multicast_ttl(&socket, 1)?;
    rustix::net::sockopt::set_ip_multicast_if(&socket, &link.address)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(link.address, 0))?;
    rustix::net::sendto(&socket, packet, SendFlags::empty(), &SocketAddrV4::new(ALL_ROUTERS, 0))?;
    Ok(())
}

/// SO_BINDTODEVICE.
fn bind_to(socket: &impl AsRawFd, netdev: &str) -> io::Result<()> {
    let length = libc::socklen_t::try_from(netdev.len() * size_of::<u8>()).unwrap_or(0);
    // SAFETY: the pointer is to `length` bytes that live over the call; the kernel copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            netdev.as_ptr().cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
