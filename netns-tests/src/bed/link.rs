//! Netdevs of the calling thread's namespace as rtnetlink lists them.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket};

/// linux/rtnetlink.h, linux/if_link.h.
const RTM_GETLINK: u16 = 18;
const RTM_NEWLINK: u16 = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST_DUMP: u16 = 0x1 | 0x300;
const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;
const IFLA_CARRIER_CHANGES: u16 = 35;
const HEADER: usize = 16;
const IFINFO: usize = 16;
/// The kernel fills at most 32 KiB a read (net/netlink/af_netlink.c, netlink_dump).
const READ: usize = 64 * 1024;

/// One netdev.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkInfo {
    /// Name.
    pub name: String,
    /// Index.
    pub ifindex: u32,
    /// Times its carrier came or went.
    pub carrier_changes: u32,
    /// `rx_dropped`.
    pub rx_dropped: u64,
    /// `tx_dropped`: for veth, frames that did not fit the peer's ring.
    pub tx_dropped: u64,
}

/// All netdevs of the namespace.
pub(super) fn list() -> io::Result<Vec<LinkInfo>> {
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?; // protocol 0: NETLINK_ROUTE
    let mut request = Vec::with_capacity(HEADER + IFINFO);
    request.extend_from_slice(&((HEADER + IFINFO) as u32).to_ne_bytes());
    request.extend_from_slice(&RTM_GETLINK.to_ne_bytes());
    request.extend_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.resize(HEADER + IFINFO, 0); // sequence, port, ifinfomsg
    send(&socket, &request, SendFlags::empty())?;
    let mut links = Vec::new();
    let mut buffer = vec![0; READ];
    loop {
        let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((kind, body, after)) = message(rest) {
            match kind {
                NLMSG_DONE => return Ok(links),
                NLMSG_ERROR => {
                    let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                    return Err(io::Error::from_raw_os_error(-code));
                }
                RTM_NEWLINK => links.extend(parse(body)),
                _ => {}
            }
            rest = after;
        }
    }
}

/// First message of `bytes`: type, body, the bytes after it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(HEADER..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or(&[])))
}

fn parse(body: &[u8]) -> Option<LinkInfo> {
    let mut link = LinkInfo { ifindex: u32_at(body, 4)?, ..LinkInfo::default() };
    let mut rest = body.get(IFINFO..)?;
    while let Some(length) = rest.first_chunk().map(|length| usize::from(u16::from_ne_bytes(*length))) {
        let Some(value) = rest.get(4..length) else { break };
        match u16::from_ne_bytes([rest[2], rest[3]]) {
            IFLA_IFNAME => link.name = String::from_utf8_lossy(value).trim_end_matches('\0').to_owned(),
            IFLA_CARRIER_CHANGES => link.carrier_changes = u32_at(value, 0)?,
            // struct rtnl_link_stats64: rx_dropped and tx_dropped are the seventh and eighth.
            IFLA_STATS64 => {
                link.rx_dropped = u64_at(value, 48)?;
                link.tx_dropped = u64_at(value, 56)?;
            }
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Some(link)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes)
}
