//! When ospfd has died: its neighbours are told that it will be back, and it itself that it was away (RFC 3623).

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::net::{AddressFamily, Protocol, RawProtocol, SendFlags, SocketAddrV4, SocketType};
use tracing::{info, warn};

use super::install;
use super::lsa::{self, Grace};
use super::orders::{Link, Orders};
use super::place::{self, Place};

/// IANA's number of OSPF.
const OSPF: u32 = 89;
/// AllSPFRouters (RFC 2328 A.1).
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// Internetwork control (RFC 2328 A.1).
const PRECEDENCE: u8 = 0xc0;
/// Sequence numbers begin at 0x80000001 and go up to 0x7fffffff, as signed numbers (RFC 2328 12.1.6). Seconds since then are always more
/// than those of an earlier death.
const FIRST_SEQUENCE: u32 = 0x8000_0001;
const SEQUENCE_EPOCH: u64 = 1_700_000_000;

/// Tells everybody.
pub(super) fn announce(place: &Place, orders: &Orders) {
    let Some(speaker) = &orders.ospf else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let record = serde_json::json!({
        "instances": { "default": { "gracePeriod": orders.hold_s, "timestamp": now + u64::from(orders.hold_s) } }
    });
    let file = place.restarted();
    if let Err(error) =
        place::replace(&file, record.to_string().as_bytes()).and_then(|()| install::give(&file))
    {
        warn!("{}: {error}; neighbours will see ospfd leave and come", file.display());
        return;
    }
    let age = u32::try_from(now.saturating_sub(SEQUENCE_EPOCH)).unwrap_or(0);
    for link in &speaker.links {
        let grace = Grace {
            router_id: speaker.router_id,
            area: link.area,
            address: link.broadcast.then_some(link.address),
            period_s: orders.hold_s,
            sequence: FIRST_SEQUENCE.saturating_add(age),
        };
        match send(link, &lsa::update(&grace)) {
            Ok(()) => info!("{}: neighbours know that OSPF restarts", link.netdev),
            Err(error) => warn!("{}: neighbours are not told that OSPF restarts: {error}", link.netdev),
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
