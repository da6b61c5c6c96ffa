//! The pin tree of one chassis.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use msm_abi::{FABRICS, FabricState, FdbEntry, FdbKey, Lport, Meta, PlaneConfig, PortCounters};

use crate::{Changes, Desired, FdbFilter, MsmSlot, OwnerName, TableError, TakeError, TreeError};

/// The place of a chassis' tree. Cheap: it holds paths only.
#[derive(Clone, Debug)]
pub struct PinTree {
    dir: PathBuf,
}

#[allow(unused_variables, clippy::unnecessary_wraps, missing_docs)]
impl PinTree {
    pub fn new(bpffs: &Path, chassis: &str) -> Result<Self, TreeError> {
        Ok(Self { dir: bpffs.join("msm").join(chassis) })
    }
    pub fn current(&self) -> Result<Option<OwnerName>, TreeError> {
        Err(TreeError::Absent(self.dir.clone()))
    }
    pub fn create(&self, slot: MsmSlot, object: &Path, fdb_capacity: u32) -> Result<Owner, TreeError> {
        Err(TreeError::Absent(self.dir.clone()))
    }
    pub fn observe(&self) -> Result<Observer, TreeError> {
        Err(TreeError::Absent(self.dir.clone()))
    }
    pub fn take(&self, from: &OwnerName, slot: MsmSlot) -> Result<Owner, TakeError> {
        Err(TakeError::Moved(*from))
    }
    pub fn take_label(&self, from: &OwnerName, slot: MsmSlot) -> Result<OwnerName, TakeError> {
        Err(TakeError::Moved(*from))
    }
    pub fn reopen(&self, name: &OwnerName) -> Result<Owner, TakeError> {
        Err(TakeError::Moved(*name))
    }
    pub fn teardown(&self) -> Result<(), TreeError> {
        Err(TreeError::Absent(self.dir.clone()))
    }
}

/// A reader.
#[derive(Debug)]
pub struct Observer {
    name: OwnerName,
}

#[allow(unused_variables, clippy::unnecessary_wraps, missing_docs)]
impl Observer {
    pub fn name(&self) -> &OwnerName {
        &self.name
    }
    pub fn meta(&self) -> Result<Meta, TableError> {
        Ok(Meta::default())
    }
    pub fn counters(&self) -> Result<BTreeMap<Lport, PortCounters>, TableError> {
        Ok(BTreeMap::new())
    }
    pub fn fdb(&self, each: &mut dyn FnMut(FdbKey, FdbEntry)) -> Result<(), TableError> {
        Ok(())
    }
    pub fn fdb_len(&self) -> Result<u32, TableError> {
        Ok(0)
    }
    pub fn fdb_capacity(&self) -> u32 {
        0
    }
    pub fn plane_config(&self) -> Result<PlaneConfig, TableError> {
        Ok(PlaneConfig::default())
    }
    pub fn fabrics(&self) -> Result<[FabricState; FABRICS], TableError> {
        Ok(<[FabricState; FABRICS]>::default())
    }
}

/// The writer.
#[derive(Debug)]
pub struct Owner {
    name: OwnerName,
    observer: Observer,
}

#[allow(unused_variables, clippy::unnecessary_wraps, missing_docs, clippy::needless_pass_by_value)]
impl Owner {
    pub fn name(&self) -> &OwnerName {
        &self.name
    }
    pub fn observer(&self) -> &Observer {
        &self.observer
    }
    pub fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError> {
        Ok(Changes::default())
    }
    pub fn set_meta(&mut self, change: impl FnOnce(&mut Meta)) -> Result<(), TableError> {
        Ok(())
    }
    pub fn fdb_sweep(&mut self, now_ns: u64) -> Result<usize, TableError> {
        Ok(0)
    }
    pub fn fdb_flush(&mut self, filter: FdbFilter) -> Result<usize, TableError> {
        Ok(0)
    }
    pub fn release(self) -> OwnerName {
        self.name
    }
}
