//! Writes of a process seen from outside: its bpf(2) commands and its netlink requests, counted at the system call.

use std::collections::BTreeMap;

use aya::Ebpf;
use aya::maps::{HashMap, MapData, PerCpuHashMap};
use aya::programs::RawTracePoint;
use probe_abi::{WatchCount, WatchKey, WatchKind, names};
use rustix::process::Pid;

use super::object::{Plain, chain, load};
use super::receiver::{map_error, missing};
use super::{ProbeError, Result};

/// Modifying netlink requests of a process, by message type (`RTM_NEWLINK` is 16).
pub type NetlinkWrites = BTreeMap<u16, u64>;

/// linux/bpf.h, enum bpf_cmd: those that change elements of a map.
const ELEMENT_WRITES: [u32; 6] = [2, 3, 21, 25, 26, 27];
/// Those that change something else.
const OTHER_WRITES: [(u32, &str); 14] = [
    (0, "MAP_CREATE"),
    (5, "PROG_LOAD"),
    (6, "OBJ_PIN"),
    (8, "PROG_ATTACH"),
    (9, "PROG_DETACH"),
    (10, "PROG_TEST_RUN"),
    (17, "RAW_TRACEPOINT_OPEN"),
    (18, "BTF_LOAD"),
    (22, "MAP_FREEZE"),
    (28, "LINK_CREATE"),
    (29, "LINK_UPDATE"),
    (33, "ITER_CREATE"),
    (34, "LINK_DETACH"),
    (35, "PROG_BIND_MAP"),
];

/// Counts from `start` until dropped. Processes executed as `msm-ctl` later are watched by themselves.
pub struct SyscallWatch {
    _object: Ebpf,
    watched: HashMap<MapData, u32, u8>,
    counts: PerCpuHashMap<MapData, Plain<WatchKey>, Plain<WatchCount>>,
}

impl SyscallWatch {
    /// Watches `pids` and every later `msm-ctl`, whichever bed it is in.
    ///
    /// # Errors
    /// A program that does not load or attach.
    pub fn start(pids: &[Pid]) -> Result<Self> {
        let mut object = load(1)?;
        let watched = object.take_map(names::WATCHED).ok_or_else(|| missing(names::WATCHED))?;
        let counts = object.take_map(names::WATCH_COUNTS).ok_or_else(|| missing(names::WATCH_COUNTS))?;
        let mut watch = Self {
            watched: watched.try_into().map_err(|e| map_error(names::WATCHED, &e))?,
            counts: counts.try_into().map_err(|e| map_error(names::WATCH_COUNTS, &e))?,
            _object: object,
        };
        for &pid in pids {
            watch.add(pid)?;
        }
        attach(&mut watch._object, names::PROG_EXEC, "sched_process_exec")?;
        attach(&mut watch._object, names::PROG_SYS_EXIT, "sys_exit")?;
        attach(&mut watch._object, names::PROG_SYS_ENTER, "sys_enter")?;
        Ok(watch)
    }

    /// Watches one more process.
    ///
    /// # Errors
    /// `ProbeError::Bpf` when too many are watched.
    pub fn add(&mut self, pid: Pid) -> Result<()> {
        self.watched.insert(pid.as_raw_pid() as u32, 1, 0).map_err(|e| map_error(names::WATCHED, &e))
    }

    /// Sets all counts to 0. Calls made meanwhile may be lost: do it while the watched are quiet.
    ///
    /// # Errors
    /// `ProbeError::Bpf` of the map.
    pub fn reset(&mut self) -> Result<()> {
        let keys: Vec<_> = self.counts.keys().filter_map(std::result::Result::ok).collect();
        keys.iter()
            .try_for_each(|key| self.counts.remove(key).map_err(|e| map_error(names::WATCH_COUNTS, &e)))
    }

    /// Elements of maps that the process has updated or deleted, by map name (`META`); `fd 12` when the process is gone or
    /// has closed it. An array that it has mapped to write in it counts once for each mapping; a ring's mapping is its reader's.
    ///
    /// # Errors
    /// `ProbeError::Bpf` of the counts.
    pub fn map_writes_by_map(&self, pid: Pid) -> Result<BTreeMap<String, u64>> {
        let names = map_names();
        let mut writes = BTreeMap::new();
        for (key, count) in self.read(pid, WatchKind::Bpf)? {
            if ELEMENT_WRITES.contains(&key.code) {
                let map = map_id(pid, key.fd)
                    .map(|id| names.get(&id).map_or_else(|| format!("map {id}"), |map| map.name.clone()));
                *writes.entry(map.unwrap_or_else(|| format!("fd {}", key.fd))).or_default() += count.elements;
            }
        }
        for (key, count) in self.read(pid, WatchKind::Mapped)? {
            if let Some(map) = map_id(pid, key.fd).and_then(|id| names.get(&id)).filter(|map| !map.is_ring) {
                *writes.entry(map.name.clone()).or_default() += count.calls;
            }
        }
        Ok(writes)
    }

    /// Other bpf(2) commands that change something: `PROG_LOAD`, `MAP_CREATE`, `LINK_UPDATE`, `OBJ_PIN`, ...
    ///
    /// # Errors
    /// `ProbeError::Bpf` of the counts.
    pub fn other_writes(&self, pid: Pid) -> Result<BTreeMap<String, u64>> {
        let mut writes = BTreeMap::new();
        for (key, count) in self.read(pid, WatchKind::Bpf)? {
            if let Some((_, name)) = OTHER_WRITES.iter().find(|(code, _)| *code == key.code) {
                *writes.entry((*name).to_owned()).or_default() += count.calls;
            }
        }
        Ok(writes)
    }

    /// Modifying netlink requests (net/core/rtnetlink.c: every type but a GET is).
    ///
    /// # Errors
    /// `ProbeError::Bpf` of the counts.
    pub fn netlink_writes(&self, pid: Pid) -> Result<NetlinkWrites> {
        const GET: u32 = 2;
        let mut writes = BTreeMap::new();
        let older =
            self.read(pid, WatchKind::Netlink)?.into_iter().filter(|(key, _)| is_route_socket(pid, key.fd));
        for (key, count) in self.read(pid, WatchKind::Route)?.into_iter().chain(older) {
            if key.code % 4 != GET {
                *writes.entry(key.code as u16).or_default() += count.calls;
            }
        }
        Ok(writes)
    }

    fn read(&self, pid: Pid, kind: WatchKind) -> Result<Vec<(WatchKey, WatchCount)>> {
        let mut found = Vec::new();
        for entry in self.counts.iter() {
            let (Plain(key), counts) = entry.map_err(|e| map_error(names::WATCH_COUNTS, &e))?;
            if key.tgid == pid.as_raw_pid() as u32 && key.kind == kind as u32 {
                let sum = counts.iter().fold(WatchCount::default(), |sum, Plain(count)| WatchCount {
                    calls: sum.calls + count.calls,
                    elements: sum.elements + count.elements,
                });
                found.push((key, sum));
            }
        }
        Ok(found)
    }
}

impl std::fmt::Debug for SyscallWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyscallWatch").finish_non_exhaustive()
    }
}

fn attach(object: &mut Ebpf, program: &str, tracepoint: &str) -> Result<()> {
    let what = || format!("attaching {program} to tracepoint {tracepoint}");
    let found = object.program_mut(program).ok_or_else(|| missing(program))?;
    let found: &mut RawTracePoint =
        found.try_into().map_err(|e: aya::programs::ProgramError| ProbeError::bpf(what(), chain(&e)))?;
    found
        .load()
        .and_then(|()| found.attach(tracepoint).map(drop))
        .map_err(|e| ProbeError::bpf(what(), chain(&e)))
}

/// A loaded map.
struct Loaded {
    name: String,
    is_ring: bool,
}

/// All loaded maps by id. Names: of a map that is a data section (`.data.FDB_GEN`), what is behind the section's kind. The kernel keeps 15
/// octets of a name.
fn map_names() -> BTreeMap<u32, Loaded> {
    let maps = aya::maps::loaded_maps().filter_map(std::result::Result::ok);
    let name = |name: &str| name.strip_prefix(".data.").unwrap_or(name).to_owned();
    let is_ring =
        |map: &aya::maps::MapInfo| map.map_type().is_ok_and(|kind| kind == aya::maps::MapType::RingBuf);
    maps.filter_map(|map| Some((map.id(), Loaded { name: name(map.name_as_str()?), is_ring: is_ring(&map) })))
        .collect()
}

/// Id of the map behind a descriptor of a process.
fn map_id(pid: Pid, fd: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{}/fdinfo/{fd}", pid.as_raw_pid())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("map_id:")?.trim().parse().ok())
}

/// NETLINK_ROUTE, or a descriptor that is closed by now: such a request is counted rather than missed.
fn is_route_socket(pid: Pid, fd: u32) -> bool {
    const ROUTE: &str = "0";
    let pid = pid.as_raw_pid();
    let Ok(target) = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")) else { return true };
    let target = target.to_string_lossy();
    let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    // sk, Eth (protocol), Pid, Groups, Rmem, Wmem, Dump, Locks, Drops, Inode
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/netlink")).unwrap_or_default();
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    columns.into_iter().any(|column| column.last() == Some(&inode) && column.get(1) == Some(&ROUTE))
}
