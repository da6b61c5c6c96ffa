//! Echo requests of a host, and what comes back: an echo, or an error with who sent it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use netns_tests::bed::Host;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Who sent it.
    pub(crate) from: IpAddr,
    /// ICMP type and code.
    pub(crate) kind: (u8, u8),
    /// The MTU of "too big".
    pub(crate) mtu: u32,
}

/// An echo request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) to: IpAddr,
    /// Bytes behind the ICMP header.
    pub(crate) size: usize,
    /// Time to live, or hop limit.
    pub(crate) ttl: u8,
}

impl Echo {
    pub(crate) fn to(to: &str) -> Self {
        Self { to: to.parse().expect("an address"), size: 32, ttl: 64 }
    }
}

/// Sends one, not to be fragmented, and waits for what comes back.
pub(crate) fn echo(host: &Host, echo: Echo, within: Duration) -> Option<Answer> {
    host.enter(|| ask(echo, within)).expect("inside the host").expect("a raw socket")
}

/// Whether the other end itself answers.
pub(crate) fn answers(host: &Host, to: &str) -> bool {
    let wanted = if to.contains(':') { (129, 0) } else { (0, 0) };
    let got = echo(host, Echo::to(to), Duration::from_millis(500));
    got.is_some_and(|answer| answer.kind == wanted && answer.from.to_string() == to)
}

fn ask(echo: Echo, within: Duration) -> io::Result<Option<Answer>> {
    let v4 = echo.to.is_ipv4();
    let (family, protocol) =
        if v4 { (libc::AF_INET, libc::IPPROTO_ICMP) } else { (libc::AF_INET6, libc::IPPROTO_ICMPV6) };
    // SAFETY: no memory is passed.
    let fd = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let hops = i32::from(echo.ttl);
    if v4 {
        set(&socket, libc::IPPROTO_IP, libc::IP_TTL, hops)?;
        // Set, but never learned from: the next one shall be refused as well.
        set(&socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
    } else {
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, hops)?;
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)?;
    }
    let id = (std::process::id() as u16).to_be_bytes();
    let mut packet = vec![if v4 { 8 } else { 128 }, 0, 0, 0, id[0], id[1], 0, 1];
    packet.resize(8 + echo.size, 0x55);
    if v4 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    send(&socket, echo.to, &packet)?;
    let deadline = Instant::now() + within;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives over the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, left.as_millis() as i32) };
        if ready <= 0 {
            return Ok(None);
        }
        let mut buffer = [0u8; 4096];
        let (length, from) = receive(&socket, &mut buffer)?;
        let icmp = if v4 { buffer[..length].get(20..) } else { Some(&buffer[..length]) };
        let Some(icmp) = icmp.filter(|icmp| icmp.len() >= 8) else { continue };
        let word = u32::from_be_bytes([icmp[4], icmp[5], icmp[6], icmp[7]]);
        match (v4, icmp[0]) {
            // What the host itself asks and hears of its neighbours.
            (true, 8) | (false, 128 | 130..=143) => {}
            (true, _) => return Ok(Some(Answer { from, kind: (icmp[0], icmp[1]), mtu: word & 0xffff })),
            (false, _) => return Ok(Some(Answer { from, kind: (icmp[0], icmp[1]), mtu: word })),
        }
    }
}

fn set(socket: &OwnedFd, level: i32, option: i32, value: i32) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the value lives over the call and has the length that is said.
    let done =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn send(socket: &OwnedFd, to: IpAddr, packet: &[u8]) -> io::Result<()> {
    let (fd, data, length) = (socket.as_raw_fd(), packet.as_ptr().cast(), packet.len());
    let sent = match to {
        IpAddr::V4(v4) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as u16,
                sin_port: 0,
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.octets()) },
                sin_zero: [0; 8],
            };
            let size = size_of_val(&address) as libc::socklen_t;
            // SAFETY: buffer and address live over the call and have the lengths that are said.
            unsafe { libc::sendto(fd, data, length, 0, (&raw const address).cast(), size) }
        }
        IpAddr::V6(v6) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as u16,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6.octets() },
                sin6_scope_id: 0,
            };
            let size = size_of_val(&address) as libc::socklen_t;
            // SAFETY: as above.
            unsafe { libc::sendto(fd, data, length, 0, (&raw const address).cast(), size) }
        }
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, IpAddr)> {
    // SAFETY: all zeroes is an address of no family.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut size = size_of_val(&address) as libc::socklen_t;
    // SAFETY: buffer and address live over the call and have the lengths that are said.
    let length = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
            (&raw mut address).cast(),
            &raw mut size,
        )
    };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    let from = if i32::from(address.ss_family) == libc::AF_INET {
        // SAFETY: the kernel has written an address of this family.
        let v4 = unsafe { *(&raw const address).cast::<libc::sockaddr_in>() };
        IpAddr::V4(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes()))
    } else {
        // SAFETY: as above.
        let v6 = unsafe { *(&raw const address).cast::<libc::sockaddr_in6>() };
        IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr))
    };
    Ok((length as usize, from))
}

fn checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 =
        packet.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
