//! Kernel back end: the pinned maps, programs and links of one directory.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use msm_abi::{ABI_VERSION, names};

use super::{Grace, Member, Programs, Reference, SetState, Store, Table};
use crate::{
    TreeError,
    bpf::{self, Map},
    tables,
};

mod links;
mod shape;

pub(crate) use links::{link_pins, unlink};
pub(crate) use shape::check as check_shape;

/// What the descriptors may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// BPF_F_RDONLY: a write is EPERM, in the kernel.
    Read,
    /// All.
    Write,
}

/// Entries a batched read asks for at once: past 1,024 it gets no faster (290 ns an entry).
const BATCH: u32 = 1024;

/// Name of a map that an operator meets in `bpftool map`.
const SET_NAME: &str = "flood_set";

/// Where the dispatcher is among the programs.
const DISPATCH: usize = 0;
/// Where the tcx program is.
const TCX: usize = 3;

/// A program and its id.
#[derive(Debug)]
struct Program {
    fd: OwnedFd,
    id: u32,
}

/// The tables of one pin directory, checked against `msm_abi::SPECS` when they were opened.
#[derive(Debug)]
pub struct Kernel {
    dir: PathBuf,
    maps: Vec<Map>,
    /// Dispatch, ingress, egress, tcx if the object has it. Empty when opened for reading: an observer has no use for a handle on a program.
    programs: Vec<Program>,
    sets: BTreeMap<u32, Map>,
    writes: u64,
}

/// Path of the pin of a program.
pub(crate) fn prog_pin(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("prog_{name}"))
}

/// Number of possible CPUs: per-CPU values come for each of them.
fn possible_cpus() -> io::Result<usize> {
    static CPUS: OnceLock<usize> = OnceLock::new();
    if let Some(cpus) = CPUS.get() {
        return Ok(*cpus);
    }
    let list = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let cpus = count_cpus(list.trim())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("possible CPUs `{list}`")))?;
    Ok(*CPUS.get_or_init(|| cpus))
}

/// Counts a list like `0-3,8`.
fn count_cpus(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            (last.checked_sub(first)?).checked_add(1)
        })
        .sum()
}

impl Kernel {
    /// Opens every map (and, for writing, the programs) pinned in `dir`, and checks them. Writes nothing.
    pub(crate) fn open_new(dir: &Path, access: Access) -> Result<Self, TreeError> {
        let io_error = |what: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| TreeError::Io { what, path, source }
        };
        let cpus =
            possible_cpus().map_err(io_error("read", Path::new("/sys/devices/system/cpu/possible")))?;
        let flags = match access {
            Access::Read => bpf::F_RDONLY,
            Access::Write => 0,
        };
        let mut maps = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            let path = dir.join(table.name());
            let map = bpf::obj_get(&path, flags)
                .and_then(|fd| Map::new(fd, cpus))
                .map_err(io_error("open the pinned map", &path))?;
            shape::check(table, map.info())?;
            maps.push(map.in_rows(table.spec().row));
        }
        let mut programs = Vec::new();
        if access == Access::Write {
            for name in [names::PROG_DISPATCH, names::PROG_INGRESS, names::PROG_EGRESS] {
                let path = prog_pin(dir, name);
                let program = bpf::obj_get(&path, 0)
                    .and_then(|fd| bpf::prog_id(fd.as_fd()).map(|id| Program { fd, id }))
                    .map_err(io_error("open the pinned program", &path))?;
                programs.push(program);
            }
            let path = prog_pin(dir, names::PROG_TCX);
            match bpf::obj_get(&path, 0).and_then(|fd| bpf::prog_id(fd.as_fd()).map(|id| Program { fd, id }))
            {
                Ok(program) => programs.push(program),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("open the pinned program", &path)(error)),
            }
        }
        Ok(Self { dir: dir.to_owned(), maps, programs, sets: BTreeMap::new(), writes: 0 })
    }

    /// Opens a tree that is in place: as [`Kernel::open_new`], and META must say this build's ABI version.
    pub(crate) fn open(dir: &Path, access: Access) -> Result<Self, TreeError> {
        let store = Self::open_new(dir, access)?;
        let found = tables::meta::get(&store)?.abi_version;
        if found != ABI_VERSION {
            return Err(shape::mismatch(Table::Meta, "ABI version", ABI_VERSION, found).into());
        }
        Ok(store)
    }

    /// The same tables by descriptors of their own, of the same access; without programs.
    pub(crate) fn tables(&self) -> io::Result<Self> {
        let maps = self.maps.iter().map(Map::try_clone).collect::<io::Result<_>>()?;
        Ok(Self { dir: self.dir.clone(), maps, programs: Vec::new(), sets: BTreeMap::new(), writes: 0 })
    }

    /// The directory was renamed: links are found there from now on.
    pub(crate) fn moved(&mut self, dir: &Path) {
        dir.clone_into(&mut self.dir);
    }

    /// Entries that the FDB has room for.
    pub(crate) fn fdb_capacity(&self) -> u32 {
        self.map(Table::Fdb).info().entries
    }

    /// The descriptor of a table.
    pub(crate) fn descriptor(&self, table: Table) -> BorrowedFd<'_> {
        self.map(table).fd()
    }

    /// A handle of its own on a table, of the same access.
    pub(crate) fn reopen(&self, table: Table) -> io::Result<Map> {
        self.map(table).try_clone()
    }

    fn map(&self, table: Table) -> &Map {
        &self.maps[table as usize]
    }

    /// Octets of a table's value as it is read and written: of every CPU's, if it has one for each.
    pub(crate) fn stride(&self, table: Table) -> usize {
        self.map(table).stride()
    }

    /// Runs the program that a port's link has (at tcx: the one there) once on `frame`, which is sent nowhere; its action. `None`: this object has no
    /// such program, or this handle is for reading.
    pub(crate) fn test_run(&self, tcx: bool, frame: &[u8]) -> io::Result<Option<u32>> {
        let at = if tcx { TCX } else { DISPATCH };
        self.programs.get(at).map(|program| bpf::prog_test_run(program.fd.as_fd(), frame)).transpose()
    }

    fn program(&self, id: u32) -> io::Result<BorrowedFd<'_>> {
        self.programs.iter().find(|p| p.id == id).map(|p| p.fd.as_fd()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("program id {id} is not of this tree"))
        })
    }

    fn set(&mut self, id: u32) -> io::Result<&Map> {
        match self.sets.entry(id) {
            std::collections::btree_map::Entry::Occupied(map) => Ok(map.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => {
                Ok(place.insert(Map::new(bpf::map_by_id(id, 0)?, 1)?))
            }
        }
    }

    /// `value` with the id at `offset` replaced by the descriptor that the kernel wants there.
    fn refer(&mut self, value: &[u8], offset: usize, to: Reference) -> io::Result<Vec<u8>> {
        use std::os::fd::AsRawFd;
        let mut value = value.to_vec();
        let word: &mut [u8; 4] =
            (&mut value[offset..offset + 4]).try_into().expect("four bytes are an array of four");
        let id = u32::from_ne_bytes(*word);
        let fd = match to {
            Reference::Program => self.program(id)?.as_raw_fd(),
            Reference::Set => self.set(id)?.fd().as_raw_fd(),
        };
        *word = fd.to_ne_bytes();
        Ok(value)
    }

    fn as_written(&mut self, table: Table, value: &[u8]) -> io::Result<Vec<u8>> {
        match table.reference() {
            Some((offset, to)) => self.refer(value, offset, to),
            None => Ok(value.to_vec()),
        }
    }
}

impl Store for Kernel {
    fn programs(&self) -> Programs {
        let id = |i: usize| self.programs.get(i).map_or(0, |p| p.id);
        Programs {
            dispatch: id(DISPATCH),
            ingress: id(1),
            egress: id(2),
            tcx: self.programs.get(TCX).map(|program| program.id),
        }
    }

    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.map(table).lookup(key, value)
    }

    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        let value = self.as_written(table, value)?;
        self.map(table).update(key, &value)?;
        self.writes += 1;
        Ok(())
    }

    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        // A batch of nothing is EINVAL, and one of one is an update.
        if let [(key, value)] = entries {
            return self.update(table, key, value);
        }
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            keys.extend_from_slice(key);
            values.extend(self.as_written(table, value)?);
        }
        let count = u32::try_from(entries.len()).map_err(io::Error::other)?;
        if count > 0 {
            self.map(table).update_batch(&keys, &values, count)?;
        }
        self.writes += u64::from(count);
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool> {
        let was = self.map(table).delete(key)?;
        self.writes += u64::from(was);
        Ok(was)
    }

    fn read(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        self.map(table).read(BATCH, each)
    }

    fn read_array(
        &self,
        table: Table,
        from: u32,
        count: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        self.map(table).read_array(from, count, BATCH, each)
    }

    fn update_array(&mut self, table: Table, indexes: &[u32], values: &[u8]) -> io::Result<()> {
        debug_assert!(table.reference().is_none(), "an id in its values");
        let count = u32::try_from(indexes.len()).map_err(io::Error::other)?;
        if count > 0 {
            self.map(table).update_array(indexes, values, count)?;
        }
        self.writes += u64::from(count);
        Ok(())
    }

    fn grace(&self) -> Grace {
        Grace::begin()
    }

    fn create_set(&mut self, capacity: u32) -> io::Result<u32> {
        let map = Map::new(bpf::create_devmap_hash(SET_NAME, capacity)?, 1)?;
        let id = map.info().id;
        self.sets.insert(id, map);
        self.writes += 1;
        Ok(id)
    }

    fn read_set(&self, set: u32) -> io::Result<Option<SetState>> {
        let opened;
        let map = match self.sets.get(&set) {
            Some(map) => map,
            None => match bpf::map_by_id(set, bpf::F_RDONLY) {
                Ok(fd) => {
                    opened = Map::new(fd, 1)?;
                    &opened
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
                Err(e) => return Err(e),
            },
        };
        let mut state = SetState { capacity: map.info().entries, members: Vec::new() };
        // The kernel takes members out when a netdev goes, and next_key of a key that went starts at the first again: a
        // map by key keeps each once, and the bound ends a walk that keeps starting.
        let mut members = BTreeMap::new();
        let mut key = None;
        for _ in 0..state.capacity.saturating_mul(4) {
            let Some(next) = map.next_key(key)? else { break };
            let mut value = [0; 8];
            if map.lookup(&next.to_ne_bytes(), &mut value)? {
                members.insert(next, value);
            }
            key = Some(next);
        }
        state.members = members.into_iter().collect();
        Ok(Some(state))
    }

    fn update_set(&mut self, set: u32, (key, value): Member) -> io::Result<()> {
        let value = self.as_written(Table::Tx, &value)?;
        self.set(set)?.update(&key.to_ne_bytes(), &value)?;
        self.writes += 1;
        Ok(())
    }

    fn delete_from_set(&mut self, set: u32, key: u32) -> io::Result<bool> {
        let was = self.set(set)?.delete(&key.to_ne_bytes())?;
        self.writes += u64::from(was);
        Ok(was)
    }

    fn drop_sets(&mut self) {
        self.sets.clear();
    }

    fn writes(&self) -> u64 {
        self.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        assert_eq!(count_cpus("0"), Some(1));
        assert_eq!(count_cpus("0-1"), Some(2));
        assert_eq!(count_cpus("0-3,8,10-11"), Some(7));
        assert_eq!(count_cpus("3-0"), None);
        assert_eq!(count_cpus(""), None);
    }
}
