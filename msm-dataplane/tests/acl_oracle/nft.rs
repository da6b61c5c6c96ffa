//! The same rules in nftables: a chain a list, a counter a rule, on the ingress of netdevs in a network namespace of their own. Which list a frame is
//! meant for, its mark says. What is counted says which rule decided; then the frame is dropped in any case, or Linux' stack would answer some.

use std::fmt::Write as _;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use msm_abi::Lport;
use msm_dataplane::plane::acl::{AclFrames, AclList, AclPrefix, AclRule};

/// Mark of the first list. Frames of Linux' own have small ones: in a multicast report the mark's place holds a number of bytes.
const MARK: u32 = 1 << 16;
/// How long frames may take through a veth.
const ARRIVE: Duration = Duration::from_secs(10);

fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let done = done.unwrap_or_else(|e| panic!("{program} (is it installed?): {e}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {}", &said[..said.len().min(2000)]);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Lists in nftables, and what their frames are sent by.
pub(crate) struct Nft {
    senders: Vec<(Lport, libc::c_int)>,
    lists: usize,
}

fn netdev(lport: Lport) -> String {
    format!("p{lport}")
}

impl Nft {
    /// In the network namespace of this thread.
    pub(crate) fn new(ports: &[Lport], lists: &[AclList]) -> Self {
        let mut senders = Vec::new();
        for lport in ports {
            let (port, host) = (netdev(*lport), format!("h{lport}"));
            run("ip", &["link", "add", &port, "type", "veth", "peer", "name", &host]);
            for end in [&port, &host] {
                run("ip", &["link", "set", end, "up"]);
            }
            senders.push((*lport, packet_socket(&host)));
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), table(ports, lists)).expect("written");
        run("nft", &["-f", file.path().to_str().expect("a plain path")]);
        Self { senders, lists: lists.len() }
    }

    /// Has the rules of list `list` look at a frame that comes in by `lport`.
    pub(crate) fn send(&self, list: usize, lport: Lport, frame: &[u8]) {
        let (_, socket) = self.senders.iter().find(|(port, _)| *port == lport).expect("a port");
        let mark = MARK + list as u32;
        // SAFETY: the option is a number of four bytes.
        let marked = unsafe {
            libc::setsockopt(*socket, libc::SOL_SOCKET, libc::SO_MARK, (&raw const mark).cast(), 4)
        };
        assert_eq!(marked, 0, "SO_MARK: {}", io::Error::last_os_error());
        // SAFETY: the frame's bytes, and as many.
        let sent = unsafe { libc::send(*socket, frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "sending {frame:02x?}: {}", io::Error::last_os_error());
    }

    /// Frames that each rule of each list decided, and behind them those that none did, once `frames` in all have been looked at.
    pub(crate) fn decided(&self, frames: u64) -> Vec<Vec<u64>> {
        let begun = Instant::now();
        loop {
            let counts = self.counts();
            let seen: u64 = counts.iter().flatten().sum();
            if seen == frames {
                return counts;
            }
            assert!(seen < frames && begun.elapsed() < ARRIVE, "{seen} of {frames} frames were looked at");
        }
    }

    fn counts(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![Vec::new(); self.lists];
        let mut list = None;
        for line in run("nft", &["list", "table", "netdev", "oracle"]).lines().map(str::trim) {
            if let Some(chain) = line.strip_prefix("chain ") {
                let name = chain.split(' ').next().unwrap_or_default();
                list = name.strip_prefix('l').and_then(|number| number.parse::<usize>().ok());
            } else if let (Some(list), Some((_, rest))) = (list, line.split_once("counter packets ")) {
                let number = rest.split(' ').next().unwrap_or_default();
                counts[list].push(number.parse().expect("a number of packets"));
            }
        }
        counts
    }
}

impl Drop for Nft {
    fn drop(&mut self) {
        for (_, socket) in &self.senders {
            // SAFETY: ours, and used no more.
            unsafe { libc::close(*socket) };
        }
    }
}

fn packet_socket(netdev: &str) -> libc::c_int {
    let name = std::ffi::CString::new(netdev).expect("a plain name");
    // SAFETY: plain numbers; protocol 0 receives nothing.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    assert!(socket >= 0, "a packet socket: {} (are you root?)", io::Error::last_os_error());
    // SAFETY: the name ends with a zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    // SAFETY: all zeroes is a valid address.
    let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index as i32;
    // SAFETY: an initialised address of that size.
    let bound =
        unsafe { libc::bind(socket, (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as u32) };
    assert_eq!(bound, 0, "binding to {netdev}: {}", io::Error::last_os_error());
    socket
}

fn table(ports: &[Lport], lists: &[AclList]) -> String {
    let mut text = String::from("table netdev oracle {\n");
    for (number, list) in lists.iter().enumerate() {
        let _ = writeln!(text, "chain l{number} {{");
        for rule in &list.rules {
            let _ = writeln!(text, "{}counter drop", matches(rule));
        }
        text.push_str("counter drop\n}\n");
    }
    let names: Vec<String> = ports.iter().map(|lport| netdev(*lport)).collect();
    let marks: Vec<String> = (0..lists.len()).map(|n| format!("{} : goto l{n}", MARK as usize + n)).collect();
    let _ = writeln!(
        text,
        "chain entry {{ type filter hook ingress devices = {{ {} }} priority 0; policy accept;\nmeta mark vmap {{ {} }}\n}}\n}}",
        names.join(", "),
        marks.join(", ")
    );
    text
}

fn address(field: &str, prefix: Option<AclPrefix>) -> String {
    match prefix {
        Some(prefix) if !prefix.is_empty() => {
            format!("ip {field} {}/{} ", std::net::Ipv4Addr::from(prefix.address()), prefix.len())
        }
        _ => String::new(),
    }
}

fn ports(field: &str, range: Option<(u16, u16)>) -> String {
    match range {
        None => String::new(),
        Some((low, high)) if low == high => format!("th {field} {low} "),
        Some((low, high)) => format!("th {field} {low}-{high} "),
    }
}

fn mac(field: &str, mac: Option<[u8; 6]>) -> String {
    let octets = |mac: [u8; 6]| mac.map(|octet| format!("{octet:02x}")).join(":");
    mac.map_or_else(String::new, |mac| format!("ether {field} {} ", octets(mac)))
}

fn matches(rule: &AclRule) -> String {
    let mut text = String::new();
    if let Some(ports) = &rule.ingress {
        let names: Vec<String> = ports.iter().map(|lport| format!("\"{}\"", netdev(*lport))).collect();
        let _ = write!(text, "iifname {{ {} }} ", names.join(", "));
    }
    match &rule.frames {
        AclFrames::Ethernet { source, destination, ethertype } => {
            text += &mac("saddr", *source);
            text += &mac("daddr", *destination);
            // What is behind the tag: `ether type` would be the tag's.
            text += &ethertype.map_or_else(String::new, |kind| format!("meta protocol 0x{kind:04x} "));
        }
        AclFrames::Ipv4 { source, destination, protocol, source_port, destination_port } => {
            // There must be a header.
            text += "meta protocol ip ip version 4 ";
            text += &address("saddr", *source);
            text += &address("daddr", *destination);
            text += &protocol.map_or_else(String::new, |protocol| format!("ip protocol {protocol} "));
            if source_port.is_some() || destination_port.is_some() {
                // nftables takes the same bytes of any protocol, and of any fragment, for ports.
                text += "ip protocol { 6, 17 } ip frag-off & 0x1fff 0 ";
            }
            text += &ports("sport", *source_port);
            text += &ports("dport", *destination_port);
        }
    }
    text
}
