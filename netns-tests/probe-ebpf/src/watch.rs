//! System call counter: bpf(2) commands and netlink requests of watched processes.
//!
//! At sys_enter, since programs on kernel functions (fentry, kprobe) are not permitted everywhere. Of a map that is mapped, the mapping is counted, not what
//! is written by it. Netlink by write(2) or sendmmsg(2) is not seen; nobody here uses it.
#![allow(unexpected_cfgs, reason = "bpf_target_arch is given by `cargo xtask build-ebpf`")]

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_ANY, pt_regs};
use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_probe_read_kernel, bpf_probe_read_user,
};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, LruHashMap, PerCpuHashMap};
use aya_ebpf::programs::RawTracePointContext;
use probe_abi::{WatchCount, WatchKey, WatchKind};

/// Processes watched at once: a failover series makes hundreds.
const PROCESSES: u32 = 4096;
/// Kinds of calls counted, over all processes.
const COUNTS: u32 = 16_384;
/// Begins the name of an executed process that is watched: `msm-ctl` and its end.
const WATCHED_COMM: [u8; 8] = *b"msm-ctl\0";

#[map]
static WATCHED: HashMap<u32, u8> = HashMap::with_max_entries(PROCESSES, 0);
#[map]
static WATCH_COUNTS: PerCpuHashMap<WatchKey, WatchCount> = PerCpuHashMap::with_max_entries(COUNTS, 0);

/// Protocol of the netlink socket that a thread (by pid_tgid) is being given.
#[map]
static SOCKET_CALLS: HashMap<u64, u32> = HashMap::with_max_entries(PROCESSES, 0);
/// Protocol of a netlink socket, by `tgid << 32 | fd`. Reuse of a number is a new insertion; the oldest are forgotten.
#[map]
static SOCKETS: LruHashMap<u64, u32> = LruHashMap::with_max_entries(COUNTS, 0);

/// System call numbers, and the registers that carry arguments.
#[cfg(bpf_target_arch = "x86_64")]
mod arch {
    use super::pt_regs;
    pub(super) const BPF: u64 = 321;
    pub(super) const SOCKET: u64 = 41;
    pub(super) const SENDTO: u64 = 44;
    pub(super) const SENDMSG: u64 = 46;
    pub(super) const MMAP: u64 = 9;
    pub(super) fn arguments(regs: &pt_regs) -> [u64; 5] {
        [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8]
    }
}

/// System call numbers, and the registers that carry arguments.
#[cfg(bpf_target_arch = "aarch64")]
mod arch {
    use super::pt_regs;
    pub(super) const BPF: u64 = 280;
    pub(super) const SOCKET: u64 = 198;
    pub(super) const SENDTO: u64 = 206;
    pub(super) const SENDMSG: u64 = 211;
    pub(super) const MMAP: u64 = 222;
    pub(super) fn arguments(regs: &pt_regs) -> [u64; 5] {
        [regs.regs[0], regs.regs[1], regs.regs[2], regs.regs[3], regs.regs[4]]
    }
}

/// linux/bpf.h, enum bpf_cmd.
mod command {
    pub(super) const MAP_UPDATE_ELEM: u64 = 2;
    pub(super) const MAP_DELETE_ELEM: u64 = 3;
    pub(super) const MAP_LOOKUP_AND_DELETE_ELEM: u64 = 21;
    pub(super) const MAP_FREEZE: u64 = 22;
    pub(super) const MAP_LOOKUP_AND_DELETE_BATCH: u64 = 25;
    pub(super) const MAP_UPDATE_BATCH: u64 = 26;
    pub(super) const MAP_DELETE_BATCH: u64 = 27;
}

#[raw_tracepoint(tracepoint = "sched_process_exec")]
fn watch_exec(ctx: RawTracePointContext) -> i32 {
    if let Ok(comm) = bpf_get_current_comm()
        && comm[..WATCHED_COMM.len()] == WATCHED_COMM
    {
        let _ = WATCHED.insert(ctx.tgid(), 1, u64::from(BPF_ANY));
    }
    0
}

#[raw_tracepoint(tracepoint = "sys_enter")]
fn watch_sys_enter(ctx: RawTracePointContext) -> i32 {
    let call: u64 = ctx.arg(1);
    if call == arch::BPF
        || call == arch::SOCKET
        || call == arch::SENDTO
        || call == arch::SENDMSG
        || call == arch::MMAP
    {
        let tgid = ctx.tgid();
        // SAFETY: the value is not read.
        if unsafe { WATCHED.get(tgid) }.is_some() {
            let _ = enter(&ctx, call, tgid);
        }
    }
    0
}

#[raw_tracepoint(tracepoint = "sys_exit")]
fn watch_sys_exit(ctx: RawTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: only this thread writes its entry.
    if let Some(&protocol) = unsafe { SOCKET_CALLS.get(thread) } {
        let fd: u64 = ctx.arg(1);
        let _ = SOCKET_CALLS.remove(thread);
        if (fd as i64) >= 0 {
            let _ = SOCKETS.insert(socket(ctx.tgid(), fd), protocol, u64::from(BPF_ANY));
        }
    }
    0
}

/// Key of SOCKETS.
#[inline(always)]
fn socket(tgid: u32, fd: u64) -> u64 {
    u64::from(tgid) << 32 | fd & 0xFFFF_FFFF
}

#[inline(always)]
fn enter(ctx: &RawTracePointContext, call: u64, tgid: u32) -> Result<(), i32> {
    let regs: u64 = ctx.arg(0);
    let regs: pt_regs = read_kernel(regs)?;
    let [first, second, third, fourth, fifth] = arch::arguments(&regs);
    if call == arch::BPF {
        bpf(tgid, first, second)
    } else if call == arch::SOCKET {
        const AF_NETLINK: u64 = 16;
        if first == AF_NETLINK {
            return SOCKET_CALLS.insert(bpf_get_current_pid_tgid(), third as u32, u64::from(BPF_ANY));
        }
        Ok(())
    } else if call == arch::MMAP {
        mapped(tgid, third, fourth, fifth)
    } else if call == arch::SENDTO {
        netlink(tgid, first, second, third)
    } else {
        // struct msghdr: msg_iov is the third word.
        let iov: u64 = read_user(second + 16)?;
        let [base, len]: [u64; 2] = read_user(iov)?;
        netlink(tgid, first, base, len)
    }
}

#[inline(always)]
fn bpf(tgid: u32, command: u64, attr: u64) -> Result<(), i32> {
    use command::*;
    let (fd, elements) = match command {
        MAP_UPDATE_ELEM | MAP_DELETE_ELEM | MAP_LOOKUP_AND_DELETE_ELEM | MAP_FREEZE => {
            (read_user::<u32>(attr)?, 1)
        }
        MAP_UPDATE_BATCH | MAP_DELETE_BATCH | MAP_LOOKUP_AND_DELETE_BATCH => {
            // union bpf_attr, batch: four pointers, count, map_fd.
            let [count, fd]: [u32; 2] = read_user(attr + 32)?;
            (fd, u64::from(count))
        }
        _ => (0, 1),
    };
    add(WatchKey { tgid, kind: WatchKind::Bpf as u32, code: command as u32, fd }, elements)
}

/// A mapping by which something that has a descriptor can be written.
#[inline(always)]
fn mapped(tgid: u32, protection: u64, flags: u64, fd: u64) -> Result<(), i32> {
    const PROT_WRITE: u64 = 2;
    const MAP_SHARED: u64 = 1;
    const MAP_ANONYMOUS: u64 = 0x20;
    if protection & PROT_WRITE == 0 || flags & MAP_SHARED == 0 || flags & MAP_ANONYMOUS != 0 {
        return Ok(());
    }
    add(WatchKey { tgid, kind: WatchKind::Mapped as u32, code: 0, fd: fd as u32 }, 1)
}

/// A message that begins like one netlink request and has its length. Of a socket made before the watch, user space asks
/// /proc whether it is one.
#[inline(always)]
fn netlink(tgid: u32, fd: u64, message: u64, len: u64) -> Result<(), i32> {
    const NLM_F_REQUEST: u16 = 1;
    const NETLINK_ROUTE: u32 = 0;
    const FIRST_TYPE: u16 = 16; // below: NLMSG_ERROR and its like
    // struct nlmsghdr: length, type, flags.
    let nlmsg_len: u32 = read_user(message)?;
    let [kind, flags]: [u16; 2] = read_user(message + 4)?;
    if u64::from(nlmsg_len) > len || nlmsg_len < 16 || flags & NLM_F_REQUEST == 0 || kind < FIRST_TYPE {
        return Ok(());
    }
    // SAFETY: a word, written before this process could use the socket.
    let known = match unsafe { SOCKETS.get(socket(tgid, fd)) } {
        Some(&NETLINK_ROUTE) => WatchKind::Route,
        Some(_) => return Ok(()),
        None => WatchKind::Netlink,
    };
    add(WatchKey { tgid, kind: known as u32, code: u32::from(kind), fd: fd as u32 }, 1)
}

#[inline(always)]
fn add(key: WatchKey, elements: u64) -> Result<(), i32> {
    let Some(count) = WATCH_COUNTS.get_ptr_mut(key) else {
        return WATCH_COUNTS.insert(key, WatchCount { calls: 1, elements }, u64::from(BPF_ANY));
    };
    // SAFETY: the pointer is into this CPU's copy of the value, and the kernel calls programs of this tracepoint with
    // preemption off (include/trace/bpf_probe.h, DECLARE_EVENT_SYSCALL_CLASS).
    let count = unsafe { &mut *count };
    count.calls += 1;
    count.elements += elements;
    Ok(())
}

#[inline(always)]
fn read_kernel<T>(address: u64) -> Result<T, i32> {
    // SAFETY: the helper checks the address; T is plain numbers.
    unsafe { bpf_probe_read_kernel(address as *const T) }
}

#[inline(always)]
fn read_user<T>(address: u64) -> Result<T, i32> {
    // SAFETY: as above.
    unsafe { bpf_probe_read_user(address as *const T) }
}
