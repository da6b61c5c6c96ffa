//! What can go wrong, named: what was being done to what, and what to do next.

use std::{io, path::PathBuf};

use msm_abi::Lport;

use crate::OwnerName;

/// A pinned map is not what this build expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "pinned map {map}: {attribute} is {found}, this build expects {expected}; \
     the tree was made by another version: use its own image, or `msm-ctl teardown` and start again (forwarding stops)"
)]
pub struct Mismatch {
    /// Name of the map.
    pub map: String,
    /// Which attribute differs: type, key size, value size, entries, flags or ABI version.
    pub attribute: &'static str,
    /// What this build expects.
    pub expected: u64,
    /// What is there.
    pub found: u64,
}

/// The pin tree could not be made, found, opened or removed.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// `path` is not on a bpffs.
    #[error("{} is no bpffs: mount -t bpf bpf {}", .0.display(), .0.display())]
    NoBpffs(PathBuf),
    /// The chassis' name cannot be a directory on bpffs.
    #[error("chassis name `{0}` must be 1 to 32 of a-z, 0-9 and -, without dots (bpffs refuses them)")]
    BadName(String),
    /// There is a tree already.
    #[error("chassis already has a tree, owned by {0}: take it over, or `msm-ctl teardown` first")]
    Exists(OwnerName),
    /// There is no tree.
    #[error("{} holds no tree: the chassis was never started, or was torn down", .0.display())]
    Absent(PathBuf),
    /// Two trees: somebody wrote there by hand.
    #[error("{} holds two trees, {first} and {second}: remove the one that is not yours, or `msm-ctl teardown`", .path.display())]
    Ambiguous {
        /// The chassis' directory.
        path: PathBuf,
        /// One.
        first: OwnerName,
        /// The other.
        second: OwnerName,
    },
    /// Another process creates or removes this chassis at this moment.
    #[error("another process is creating or removing the tree in {}: try again when it is done", .0.display())]
    Busy(PathBuf),
    /// The FDB's capacity is out of range.
    #[error("FDB capacity {found} must be 1 to {max}")]
    Capacity {
        /// What was asked for.
        found: u32,
        /// [`msm_abi::FDB_MAX`].
        max: u32,
    },
    /// A pinned map differs.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The forwarding plane's object could not be loaded.
    #[error("cannot load {}: {reason}; build it with `cargo xtask build-ebpf`, or check the kernel (6.6 or later)", .path.display())]
    Object {
        /// The object file.
        path: PathBuf,
        /// What the loader or the verifier said.
        reason: String,
    },
    /// The kernel has no tcx.
    #[error("this kernel has no tcx links (BPF_TCX_INGRESS), which every port needs: use Linux 6.6 or later")]
    NoTcx,
    /// A system call failed.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A table could not be written or read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A takeover did not happen, or (for [`TakeError::Tree`] after the commit) could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The owner holds its lock.
    #[error("the owner {0} lives (it holds the lock of its directory): it must release, or die, first")]
    OwnerLives(OwnerName),
    /// The directory no longer has that name: somebody else took over, or it was torn down.
    #[error("there is no {0} any more: somebody else took over, or the chassis was torn down")]
    Moved(OwnerName),
    /// Anything else.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// A table operation failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The kernel refused.
    #[error("cannot {what} table {table}: {source}")]
    Kernel {
        /// What was being done.
        what: &'static str,
        /// Name of the table.
        table: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A program could not be opened or named.
    #[error("cannot {what} program {program}: {source}")]
    Program {
        /// What was being done.
        what: &'static str,
        /// Name of the program.
        program: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// What is desired cannot be: nothing was written.
    #[error("the configuration asks for what the tables cannot hold: {0}")]
    Desired(String),
    /// Routes changed since the plan was begun.
    #[error("the routes were changed while this plan of them was made: plan again")]
    StalePlan,
    /// A link pin could not be listed, read or removed.
    #[error("cannot {what} the link of port {lport}: {source}")]
    Link {
        /// What was being done.
        what: &'static str,
        /// The port; [`msm_abi::NO_LPORT`] for all.
        lport: Lport,
        /// What the kernel said.
        source: io::Error,
    },
}

/// A capture did not begin.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// There is one at a time.
    #[error("logical port {0} is being captured; end that capture first")]
    Busy(Lport),
    /// The ring could not be mapped or watched.
    #[error("cannot {what} the ring of captured frames: {source}")]
    Ring {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A table could not be written or read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Why one port is not in service. It never fails the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortFault {
    /// The netdev went away between being seen and being attached.
    #[error("netdev with ifindex {ifindex} is gone; the port comes back with it")]
    DeviceMissing {
        /// Its ifindex.
        ifindex: u32,
    },
    /// The port table is indexed by ifindex and ends before this one.
    #[error(
        "ifindex {ifindex} is {limit} or more: create the netdev with an explicit lower index (ip link add NAME index N ...)"
    )]
    IfindexTooLarge {
        /// Its ifindex.
        ifindex: u32,
        /// [`msm_abi::IFINDEX_LIMIT`].
        limit: u32,
    },
    /// Two ports name one netdev; the lower port has it.
    #[error("ifindex {ifindex} already is logical port {other}: give each port its own netdev")]
    NetdevShared {
        /// The ifindex.
        ifindex: u32,
        /// The port that has it.
        other: Lport,
    },
    /// ERANGE: the driver cannot run XDP with this MTU.
    #[error(
        "the MTU of ifindex {ifindex}, or of its peer, is too large for XDP (kernel: ERANGE): lower it to 3,500 or less on both ends, or use a tcx port"
    )]
    MtuTooLarge {
        /// The ifindex.
        ifindex: u32,
    },
    /// EBUSY: another program is attached.
    #[error(
        "ifindex {ifindex} already has an XDP program that is not ours: remove it (ip link set dev NAME xdp off, or end its owner)"
    )]
    Occupied {
        /// The ifindex.
        ifindex: u32,
    },
    /// The driver has no native XDP, or the link cannot be a pinned bpf_link. There is no netlink fallback: it would die with us.
    #[error(
        "ifindex {ifindex} takes no pinnable native XDP link ({reason}): use a veth or a driver with native XDP"
    )]
    InvalidLink {
        /// The ifindex.
        ifindex: u32,
        /// What the kernel said.
        reason: String,
    },
    /// The link is attached but its pin could not be made; it was detached again.
    #[error("the link of ifindex {ifindex} cannot be pinned ({reason}): check the bpffs")]
    NotPinnable {
        /// The ifindex.
        ifindex: u32,
        /// What the kernel said.
        reason: String,
    },
    /// The driver is tcx, and the forwarding plane's object has no program for it.
    #[error(
        "ifindex {ifindex} cannot have driver tcx: the forwarding plane was made by an image without it; use driver xdp, or `msm-ctl teardown` and start again"
    )]
    NoTcx {
        /// The ifindex.
        ifindex: u32,
    },
    /// The netdev cannot be a redirect target.
    #[error("ifindex {ifindex} cannot be put into the transmit table ({reason})")]
    NoTransmit {
        /// The ifindex.
        ifindex: u32,
        /// What the kernel said.
        reason: String,
    },
}
