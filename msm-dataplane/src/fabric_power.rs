//! What becomes of a fabric when its module is pulled out, put in, reset or found broken: the hardware's own doing, whoever owns the tree.
//!
//! The backplane has this hand on FABRICS, and no other on the tree. A module that is gone carries nothing from that moment on, and no
//! owner's writing makes it so: who owns the tree is told afterwards, reads FABRICS, and programs what is there.

use std::{io, path::Path};

use msm_abi::{FABRICS, FabricState};

use crate::{
    MsmSlot, PinTree, TreeError,
    bpf::{self, Map},
    store::{Table, check_shape},
    tables::fabric,
    tree::{TRIES, io_error},
};

/// The fabrics of one chassis. Holds paths only, so it outlives every change of owner and every tree.
#[derive(Clone, Debug)]
pub struct FabricPower {
    tree: PinTree,
}

impl FabricPower {
    /// The fabrics of `chassis` below the bpffs mounted at `bpffs`. Touches nothing.
    ///
    /// # Errors
    /// As [`PinTree::new`].
    pub fn new(bpffs: &Path, chassis: &str) -> Result<Self, TreeError> {
        Ok(Self { tree: PinTree::new(bpffs, chassis)? })
    }

    /// Every fabric, by MSM slot (A = 0).
    ///
    /// # Errors
    /// [`TreeError::Absent`] if there is no tree; what the kernel says.
    pub fn states(&self) -> Result<[FabricState; FABRICS], TreeError> {
        read(&self.open(bpf::F_RDONLY)?)
    }

    /// Changes the fabric of one slot and leaves the others as they are; false if it was so before.
    ///
    /// The owner may write at the same moment, and the later one of two such writes stays: it is to be told, and reads then.
    ///
    /// # Errors
    /// As [`FabricPower::states`].
    pub fn change(&self, slot: MsmSlot, change: impl FnOnce(&mut FabricState)) -> Result<bool, TreeError> {
        let map = self.open(0)?;
        let before = read(&map)?;
        let mut states = before;
        change(&mut states[usize::from(slot.number()) - 1]);
        if states == before {
            return Ok(false);
        }
        map.update(&0u32.to_ne_bytes(), &fabric::encode(&states)).map_err(failed("write"))?;
        Ok(true)
    }

    fn open(&self, flags: u32) -> Result<Map, TreeError> {
        let mut tries = 0;
        loop {
            let path = match self.tree.pin(Table::Fabrics) {
                // A listing beside a rename may show neither name, or both.
                Err(TreeError::Absent(_) | TreeError::Ambiguous { .. }) if tries < TRIES => {
                    tries += 1;
                    continue;
                }
                path => path?,
            };
            match bpf::obj_get(&path, flags).and_then(|fd| Map::new(fd, 1)) {
                Ok(map) => {
                    check_shape(Table::Fabrics, map.info())?;
                    return Ok(map);
                }
                // Renamed between being read and being opened.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
                Err(error) => return Err(io_error("open the pinned map", &path)(error)),
            }
        }
    }
}

fn read(map: &Map) -> Result<[FabricState; FABRICS], TreeError> {
    let mut value = [0; fabric::VALUE];
    map.lookup(&0u32.to_ne_bytes(), &mut value).map_err(failed("read"))?;
    Ok(fabric::decode(&value))
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> TreeError {
    move |source| crate::TableError::Kernel { what, table: Table::Fabrics.name(), source }.into()
}
