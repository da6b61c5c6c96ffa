//! Reading a tree with descriptors that cannot write: for the slave, for the CLI and for tests.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use msm_abi::{
    CpuClass, CpuCounters, FABRICS, FabricState, FdbEntry, FdbKey, Lport, Meta, PlaneConfig, PortCounters,
    ShareEntry, TableState,
};

use crate::{
    OwnerName, Station, TableError, TreeError,
    plane::{
        learning::Words,
        routes::lookup::{self, Answer},
    },
    store::{Access, Kernel},
    tables,
};

/// A tree opened for reading. It stays valid through every change of owner: only the name is that of when it was opened.
#[derive(Debug)]
pub struct Observer {
    name: OwnerName,
    store: Kernel,
}

impl Observer {
    pub(crate) fn open(dir: &Path, name: OwnerName) -> Result<Self, TreeError> {
        Ok(Self { name, store: Kernel::open(dir, Access::Read)? })
    }

    pub(crate) fn renamed(&mut self, dir: &Path, name: OwnerName) {
        self.name = name;
        self.store.moved(dir);
    }

    /// Who owned the tree when it was opened. [`crate::PinTree::current`] says who does now.
    #[must_use]
    pub const fn name(&self) -> &OwnerName {
        &self.name
    }

    /// The tables, for a typed read of one entry (see [`crate::tables`]). A write through it is EPERM.
    #[must_use]
    pub const fn store(&self) -> &Kernel {
        &self.store
    }

    /// What the owner says of itself.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn meta(&self) -> Result<Meta, TableError> {
        tables::meta::get(&self.store)
    }

    /// Counters of the ports that counted anything, summed over CPUs; [`msm_abi::LPORTS`] stands for frames of no port.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn counters(&self) -> Result<BTreeMap<Lport, PortCounters>, TableError> {
        tables::counters::read(&self.store)
    }

    /// Counters of every class of frames for the control plane, summed over CPUs.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn cpu_counters(&self) -> Result<BTreeMap<CpuClass, CpuCounters>, TableError> {
        tables::cpu_counters::read(&self.store)
    }

    /// What makes up the number of stations of each port that ever had one: LEARNED, and what the owner removed. Their difference, wrapping.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn learning_words(&self) -> Result<Words, TableError> {
        tables::learn::words(&self.store)
    }

    /// Calls `each` with every station, in batches (290 ns a station). One that is learned or removed meanwhile may be missed,
    /// one may come twice.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn fdb(&self, each: &mut dyn FnMut(FdbKey, FdbEntry)) -> Result<(), TableError> {
        tables::fdb::read(&self.store, each)
    }

    /// Number of stations; reads them all.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn fdb_len(&self) -> Result<u32, TableError> {
        let mut count = 0;
        self.fdb(&mut |_, _| count += 1)?;
        Ok(count)
    }

    /// Stations that there is room for.
    #[must_use]
    pub fn fdb_capacity(&self) -> u32 {
        self.store.fdb_capacity()
    }

    /// Which ports the load-sharing group of this index uses.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn sharing(&self, group: u16) -> Result<ShareEntry, TableError> {
        tables::sharing::get(&self.store, group)
    }

    /// What the programs read.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn plane_config(&self) -> Result<PlaneConfig, TableError> {
        tables::plane_config::get(&self.store)
    }

    /// Frames that access rules decided, by counter; those that counted nothing are left out.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn acl_hits(&self) -> Result<BTreeMap<u16, u64>, TableError> {
        tables::acl_hits::read(&self.store)
    }

    /// Fabrics by MSM slot (A = 0).
    ///
    /// # Errors
    /// What the kernel says.
    pub fn fabrics(&self) -> Result<[FabricState; FABRICS], TableError> {
        tables::fabric::states(&self.store)
    }

    /// Calls `each` with every host that frames are routed to (`show ipfdb`), in batches; one that comes or goes meanwhile may be
    /// missed, one may come twice.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn ipfdb(&self, each: &mut dyn FnMut(IpAddr, Station)) -> Result<(), TableError> {
        tables::ipfdb::read(&self.store, &mut |addr, neighbour| {
            if let Some(station) = lookup::station(neighbour) {
                each(addr, station);
            }
        })
    }

    /// Where frames to `addr` go at this moment, by the tables that the programs read; `choose` picks one of so many next hops.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn route(&self, addr: IpAddr, choose: impl FnOnce(u32) -> u32) -> Result<Answer, TableError> {
        lookup::lookup(&self.store, addr, choose)
    }

    /// What is in force of the routes: blocks, IPv4 prefixes, IPv6 prefixes, and those that are not as asked for.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn route_state(&self) -> Result<TableState, TableError> {
        tables::states::get(&self.store, msm_abi::tables::ROUTES)
    }
}
