//! The system call counter's map.

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum WatchKind {
    /// bpf(2); `code` is the command.
    Bpf = 1,
    /// A request on a NETLINK_ROUTE socket; `code` is the message type.
    Route = 2,
    /// A netlink request on a socket made before the watch: /proc says of which protocol.
    Netlink = 3,
    /// mmap(2) of a descriptor, shared and writable: what is written by it makes no call. `code` is 0.
    Mapped = 4,
}

/// Key of WATCH_COUNTS.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchKey {
    /// Process.
    pub tgid: u32,
    /// [`WatchKind`].
    pub kind: u32,
    /// bpf(2) command, or netlink message type.
    pub code: u32,
    /// Map's descriptor for commands on a map's elements, the socket's for netlink, what is mapped, else 0.
    pub fd: u32,
}
const _: () = assert!(size_of::<WatchKey>() == 16);

/// Value of WATCH_COUNTS.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchCount {
    /// Calls.
    pub calls: u64,
    /// Elements of batch commands, 1 for the others, summed.
    pub elements: u64,
}
const _: () = assert!(size_of::<WatchCount>() == 16);
