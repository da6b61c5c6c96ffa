//! What tables, member sets and links stand on: one contract, three back ends (kernel, model, chaos).
//!
//! Values are bytes as `msm_abi` lays them out, in the form in which the kernel *reads them back*: a program or a member set in a value is
//! its id. The kernel wants descriptors there when it is written to; that is the kernel back end's business.

mod chaos;
mod grace;
mod kernel;
mod model;

use std::io;

use msm_abi::{Lport, MapSpec, SPECS};

pub use chaos::Chaos;
pub use grace::Grace;
pub use kernel::Kernel;
pub(crate) use kernel::{Access, check_shape, link_pins, prog_pin, unlink};
pub use model::Model;

use crate::PortFault;

/// The pinned tables. The number is the index in [`SPECS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
#[allow(missing_docs, reason = "named and documented in msm_abi::names")]
pub enum Table {
    Meta,
    PlaneConfig,
    Ports,
    Vlans,
    Gates,
    Control,
    Fdb,
    FdbGen,
    FdbMoves,
    FabricBuckets,
    Fabrics,
    Counters,
    Tx,
    Flood,
    Dispatch,
    Capture,
    CaptureLost,
    Egress,
    Sharing,
    Limits,
    LimitState,
    CpuLimits,
    CpuState,
    CpuCounters,
    Learn,
    Learned,
    AclClass,
    AclBits,
    AclMac,
    AclActions,
    AclHits,
    Routes,
    Hops,
    HopGroups,
    Ipfdb,
    Ipfdb6,
    Routes6,
    Tables,
    TrapLacp,
}

/// What a value refers to by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A program.
    Program,
    /// A member set.
    Set,
}

impl Table {
    /// Every table, in the order of [`SPECS`].
    pub const ALL: [Self; SPECS.len()] = [
        Self::Meta,
        Self::PlaneConfig,
        Self::Ports,
        Self::Vlans,
        Self::Gates,
        Self::Control,
        Self::Fdb,
        Self::FdbGen,
        Self::FdbMoves,
        Self::FabricBuckets,
        Self::Fabrics,
        Self::Counters,
        Self::Tx,
        Self::Flood,
        Self::Dispatch,
        Self::Capture,
        Self::CaptureLost,
        Self::Egress,
        Self::Sharing,
        Self::Limits,
        Self::LimitState,
        Self::CpuLimits,
        Self::CpuState,
        Self::CpuCounters,
        Self::Learn,
        Self::Learned,
        Self::AclClass,
        Self::AclBits,
        Self::AclMac,
        Self::AclActions,
        Self::AclHits,
        Self::Routes,
        Self::Hops,
        Self::HopGroups,
        Self::Ipfdb,
        Self::Ipfdb6,
        Self::Routes6,
        Self::Tables,
        Self::TrapLacp,
    ];

    /// Name and shape.
    #[must_use]
    pub const fn spec(self) -> &'static MapSpec {
        &SPECS[self as usize]
    }

    /// Name of the map and of its pin.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// Where a value names a program or a set, and which.
    #[must_use]
    pub const fn reference(self) -> Option<(usize, Reference)> {
        match self {
            Self::Tx => Some((4, Reference::Program)),
            Self::Dispatch => Some((0, Reference::Program)),
            Self::Flood => Some((0, Reference::Set)),
            _ => None,
        }
    }
}

/// Ids of the pinned programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// On every link.
    pub dispatch: u32,
    /// Entry 0 of DISPATCH.
    pub ingress: u32,
    /// On every devmap entry.
    pub egress: u32,
    /// On every netdev's tcx ingress; `None` if the object has no such program.
    pub tcx: Option<u32>,
}

/// One member of a set: logical port, and its value as TX has it.
pub type Member = (u32, [u8; 8]);

/// A member set (inner map of FLOOD).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetState {
    /// Members it has room for.
    pub capacity: u32,
    /// Its members, in no order.
    pub members: Vec<Member>,
}

/// Tables and member sets. Every write is of one entry and is either done or not.
pub trait Store {
    /// Ids of the programs.
    fn programs(&self) -> Programs;
    /// Copies the value of `key`; false if there is none.
    ///
    /// # Errors
    /// What the kernel says.
    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool>;
    /// Writes the value of `key`.
    ///
    /// # Errors
    /// What the kernel says; nothing was written.
    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()>;
    /// Writes several entries, in this order.
    ///
    /// # Errors
    /// What the kernel says; the entries before some point are written, the rest not.
    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()>;
    /// Removes `key`; false if it was not there.
    ///
    /// # Errors
    /// What the kernel says; nothing was removed.
    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool>;
    /// Calls `each` with all entries (those of a per-CPU table with a value for each CPU). Entries that come and go meanwhile may be
    /// missed, and an entry may come twice.
    ///
    /// # Errors
    /// What the kernel says.
    fn read(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()>;

    /// Calls `each` with the entries `from..from + count` of an array.
    ///
    /// # Errors
    /// What the kernel says.
    fn read_array(
        &self,
        table: Table,
        from: u32,
        count: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()>;
    /// Writes entries of an array, in this order; their values are in `values`, one after the other.
    ///
    /// # Errors
    /// What the kernel says; the entries before some point are written, the rest not.
    fn update_array(&mut self, table: Table, indexes: &[u32], values: &[u8]) -> io::Result<()>;

    /// Begins a grace period: see [`Grace`].
    fn grace(&self) -> Grace;

    /// Makes an empty set; its id. It lives as long as FLOOD names it and until [`Store::drop_sets`].
    ///
    /// # Errors
    /// What the kernel says.
    fn create_set(&mut self, capacity: u32) -> io::Result<u32>;
    /// Reads a set; `None` if there is none of this id.
    ///
    /// # Errors
    /// What the kernel says.
    fn read_set(&self, set: u32) -> io::Result<Option<SetState>>;
    /// Adds or replaces a member.
    ///
    /// # Errors
    /// What the kernel says: EINVAL if the netdev is gone, E2BIG if the set is full.
    fn update_set(&mut self, set: u32, member: Member) -> io::Result<()>;
    /// Removes a member; false if it was not there.
    ///
    /// # Errors
    /// What the kernel says.
    fn delete_from_set(&mut self, set: u32, key: u32) -> io::Result<bool>;
    /// Lets go of all sets: those that FLOOD names live on, the kernel frees the others.
    fn drop_sets(&mut self);

    /// Writes done since it was opened: table entries, set members, sets and links.
    fn writes(&self) -> u64;
}

/// One pinned link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The netdev; 0 = it is gone, and the link is dead.
    pub ifindex: u32,
    /// Id of its program.
    pub program: u32,
}

/// Where a port's program is on its netdev.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// In the driver: the dispatcher.
    Xdp,
    /// At tcx ingress, where the stack would take the frame.
    Tcx,
}

/// The pinned links: at each hook, one a port at most.
pub trait Links {
    /// Every pinned link at a hook.
    ///
    /// # Errors
    /// What the kernel says.
    fn links(&self, hook: Hook) -> io::Result<Vec<(Lport, LinkState)>>;
    /// Attaches the hook's program to a netdev, and pins the link. Both or neither.
    ///
    /// # Errors
    /// Why this port cannot be.
    fn attach(&mut self, hook: Hook, lport: Lport, ifindex: u32) -> Result<(), PortFault>;
    /// Removes the pin, and so the program from the netdev.
    ///
    /// # Errors
    /// What the kernel says.
    fn detach(&mut self, hook: Hook, lport: Lport) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_abi::names;

    #[test]
    fn tables_are_numbered_as_the_specs() {
        let names = [
            names::META,
            names::PLANE_CONFIG,
            names::PORTS,
            names::VLANS,
            names::GATES,
            names::CONTROL,
            names::FDB,
            names::FDB_GEN,
            names::FDB_MOVES,
            names::FABRIC_BUCKETS,
            names::FABRICS,
            names::COUNTERS,
            names::TX,
            names::FLOOD,
            names::DISPATCH,
            names::CAPTURE,
            names::CAPTURE_LOST,
            names::EGRESS,
            names::SHARING,
            names::LIMITS,
            names::LIMIT_STATE,
            names::CPU_LIMITS,
            names::CPU_STATE,
            names::CPU_COUNTERS,
            names::LEARN,
            names::LEARNED,
            names::ACL_CLASS,
            names::ACL_BITS,
            names::ACL_MAC,
            names::ACL_ACTIONS,
            names::ACL_HITS,
            names::ROUTES,
            names::HOPS,
            names::HOP_GROUPS,
            names::IPFDB,
            names::IPFDB6,
            names::ROUTES6,
            names::TABLES,
            names::TRAP_LACP,
        ];
        for (i, (table, name)) in Table::ALL.into_iter().zip(names).enumerate() {
            assert_eq!((table as usize, table.name()), (i, name));
            assert!(name.len() <= 15 && !name.contains('.'));
        }
    }
}
