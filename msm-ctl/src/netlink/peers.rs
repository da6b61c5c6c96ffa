//! What the host at the other end of a veth leaves to its netdev: offloads whose frames XDP cannot carry.
//!
//! The other end is in another network namespace, of which the kernel tells a number only. A patient thread looks for a namespace of that number
//! among the named ones and those of all processes, goes there, asks the netdev by ethtool's ioctl, and comes back. No descriptor of a
//! namespace is kept: it would keep the namespace alive after its host has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rtnetlink::sys::protocols::NETLINK_ROUTE;
use rtnetlink::sys::{Socket, SocketAddr};
use rustix::net::netdevice::index_to_name;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::mpsc;

use super::view::{Netdev, View};
use crate::process;

/// Where `ip netns` keeps its namespaces.
const NAMED: &str = "/run/netns";
/// How often the other ends are asked: no namespace but their own is told of a change.
const PERIOD: Duration = Duration::from_secs(2);
/// How often the namespaces of all processes are looked through for one that has no name.
const SEARCH: Duration = Duration::from_secs(20);
/// Namespaces looked at in one search.
const NAMESPACES: usize = 4_096;

/// Offloads of a veth's other end, where it could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Its namespace is not to be found from here.
    Unreachable,
    /// Asked.
    Seen(Offloads),
}

/// What it does to what it sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offloads {
    /// Its name there.
    pub(crate) name: String,
    /// Frames leave it with checksums that are not done (`tx`).
    pub(crate) tx_checksum: bool,
    /// Segments leave it that are longer than a frame (`tso`).
    pub(crate) tso: bool,
    /// Tags leave it beside the frame (`txvlan`).
    pub(crate) tx_vlan: bool,
}

impl Peer {
    /// Whether something of what it sends breaks under XDP. Of one that cannot be asked, the worst is thought.
    pub(crate) fn needs_tcx(&self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Seen(offloads) => offloads.tx_checksum || offloads.tso || offloads.tx_vlan,
        }
    }
}

/// Asks the other ends of the netdevs that `wanted` names, into `view`, until `changed` has no reader. Tells it of each round that found a
/// difference.
pub(crate) fn watch(view: &View, wanted: impl Fn() -> Vec<String>, changed: &mpsc::Sender<()>) {
    let home = match File::open("/proc/thread-self/ns/net") {
        Ok(home) => home,
        Err(error) => return tracing::warn!("offloads of hosts are not known: {error}"),
    };
    let mut searched: Option<(Instant, BTreeSet<i32>)> = None;
    while !changed.is_closed() {
        let devices: Vec<Netdev> = wanted().iter().filter_map(|name| view.get(name)).collect();
        match process::patiently(|| look(&home, &devices, &mut searched)) {
            Ok(found) => {
                if view.put_peers(found) && changed.blocking_send(()).is_err() {
                    return;
                }
            }
            // A thread that is lost elsewhere would keep that namespace alive.
            Err(error) => return tracing::warn!("offloads of hosts are not watched any more: {error}"),
        }
        std::thread::sleep(PERIOD);
    }
}

/// The other end of each netdev that is a veth. The error: this thread did not come home.
fn look(
    home: &File,
    devices: &[Netdev],
    searched: &mut Option<(Instant, BTreeSet<i32>)>,
) -> io::Result<BTreeMap<u32, Peer>> {
    let mut found = BTreeMap::new();
    let mut elsewhere: BTreeMap<i32, Vec<(u32, u32)>> = BTreeMap::new();
    for device in devices.iter().filter(|device| device.kind == "veth") {
        let Some(peer) = device.peer_ifindex else { continue };
        match device.peer_netnsid {
            None => drop(found.insert(device.ifindex, ask(peer))),
            Some(number) => elsewhere.entry(number).or_default().push((device.ifindex, peer)),
        }
    }
    let mut seen = BTreeSet::new();
    visit(home, named(), &mut elsewhere, &mut seen, &mut found)?;
    // What has no name is searched for now and then, and at once when it is new.
    let missing: BTreeSet<i32> = elsewhere.keys().copied().collect();
    let due = searched.as_ref().is_none_or(|(at, what)| at.elapsed() >= SEARCH || *what != missing);
    if !missing.is_empty() && due {
        visit(home, of_processes(), &mut elsewhere, &mut seen, &mut found)?;
        *searched = Some((Instant::now(), missing));
    }
    for (ifindex, _) in elsewhere.into_values().flatten() {
        found.entry(ifindex).or_insert(Peer::Unreachable);
    }
    Ok(found)
}

fn named() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(NAMED).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).take(NAMESPACES).collect()
}

fn of_processes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    pids.map(|entry| entry.path().join("ns/net")).collect()
}

/// Asks in those of `places` whose number is wanted, and takes them out of `wanted`.
fn visit(
    home: &File,
    places: Vec<PathBuf>,
    wanted: &mut BTreeMap<i32, Vec<(u32, u32)>>,
    seen: &mut BTreeSet<u64>,
    found: &mut BTreeMap<u32, Peer>,
) -> io::Result<()> {
    for place in places {
        if wanted.is_empty() || seen.len() >= NAMESPACES {
            return Ok(());
        }
        let Ok(inode) = std::fs::metadata(&place).map(|about| about.ino()) else { continue };
        if !seen.insert(inode) {
            continue;
        }
        let Ok(there) = File::open(&place) else { continue };
        let Some(ends) = number_of(&there).ok().flatten().and_then(|number| wanted.remove(&number)) else {
            continue;
        };
        let network = Some(LinkNameSpaceType::Network);
        if move_into_link_name_space(there.as_fd(), network).is_err() {
            continue;
        }
        found.extend(ends.into_iter().map(|(ifindex, peer)| (ifindex, ask(peer))));
        move_into_link_name_space(home.as_fd(), network)?;
    }
    Ok(())
}

const RTM_GETNSID: u16 = 90;
const NLM_F_REQUEST: u16 = 1;
const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;

/// The number that this thread's namespace has for another (rtnl_net_getid in net/core/net_namespace.c); `None` if it has none.
fn number_of(namespace: &File) -> io::Result<Option<i32>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // struct nlmsghdr, struct rtgenmsg with its padding, one attribute.
    let mut request = Vec::with_capacity(28);
    request.extend(28u32.to_ne_bytes());
    request.extend(RTM_GETNSID.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    request.extend([0; 12]);
    request.extend(8u16.to_ne_bytes());
    request.extend(NETNSA_FD.to_ne_bytes());
    request.extend(namespace.as_raw_fd().to_ne_bytes());
    socket.send(&request, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    Ok(read_number(&answer))
}

/// NETNSA_NSID of an RTM_NEWNSID; negative is none.
fn read_number(answer: &[u8]) -> Option<i32> {
    let mut rest = answer.get(20..)?;
    while let (Some(len), Some(kind)) = (word16(rest, 0), word16(rest, 2)) {
        let len = usize::from(len);
        if kind == NETNSA_NSID {
            let value = rest.get(4..8)?;
            return Some(i32::from_ne_bytes(value.try_into().ok()?)).filter(|number| *number >= 0);
        }
        rest = rest.get(len.max(4).next_multiple_of(4)..)?;
    }
    None
}

fn word16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GTXCSUM: u32 = 0x16;
const ETHTOOL_GTSO: u32 = 0x1e;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETH_FLAG_TXVLAN: u32 = 1 << 7;

/// struct ethtool_value.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// struct ifreq, with ifr_data.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    data: *mut EthtoolValue,
    rest: [u8; 16],
}

/// A netdev of the namespace that this thread is in.
fn ask(ifindex: u32) -> Peer {
    offloads(ifindex).map_or(Peer::Unreachable, Peer::Seen)
}

fn offloads(ifindex: u32) -> io::Result<Offloads> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let name = index_to_name(&socket, ifindex)?;
    let get = |command| {
        let mut value = EthtoolValue { command, data: 0 };
        let mut request = Request { name: [0; libc::IFNAMSIZ], data: &raw mut value, rest: [0; 16] };
        for (to, from) in request.name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
            *to = from;
        }
        // SAFETY: a struct ifreq whose data is a struct ethtool_value, both alive; these commands write its second word.
        match unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) } {
            0 => Ok(value.data),
            _ => Err(io::Error::last_os_error()),
        }
    };
    Ok(Offloads {
        tx_checksum: get(ETHTOOL_GTXCSUM)? != 0,
        tso: get(ETHTOOL_GTSO)? != 0,
        tx_vlan: get(ETHTOOL_GFLAGS)? & ETH_FLAG_TXVLAN != 0,
        name: name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_asked_and_what_is_not_there_is_unreachable() {
        let Peer::Seen(offloads) = ask(1) else { panic!("lo is there") };
        assert_eq!(offloads.name, "lo");
        assert!(offloads.tx_checksum && offloads.tso, "lo never does a checksum: {offloads:?}");
        assert_eq!(ask(0x7fff_0000), Peer::Unreachable);
    }

    #[test]
    fn a_number_is_read_from_whole_answers_only() {
        let attribute = |kind: u16, value: i32| {
            [&8u16.to_ne_bytes()[..], &kind.to_ne_bytes(), &value.to_ne_bytes()].concat()
        };
        let answer = |attributes: &[u8]| [&[0; 20][..], attributes].concat();
        assert_eq!(read_number(&answer(&attribute(NETNSA_NSID, 7))), Some(7));
        assert_eq!(read_number(&answer(&[attribute(5, 1), attribute(NETNSA_NSID, 2)].concat())), Some(2));
        assert_eq!(read_number(&answer(&attribute(NETNSA_NSID, -1))), None);
        for cut in 0..27 {
            assert_eq!(read_number(&answer(&attribute(NETNSA_NSID, 7))[..cut]), None);
        }
        // A length of nothing does not hold it up.
        assert_eq!(read_number(&answer(&[0; 64])), None);
    }

    #[test]
    fn this_namespace_is_found_by_its_own() {
        let home = File::open("/proc/thread-self/ns/net").expect("procfs");
        // A namespace has no number for itself until somebody asked for one.
        number_of(&home).expect("an answer");
    }
}
