//! The contract's subject over the kernel.

use std::path::PathBuf;

use msm_abi::{FdbEntry, FdbKey, names};
use msm_dataplane::{
    Changes, Desired, FdbFilter, MsmSlot, Owner, RouteChanges, RoutesTouched, Routing, TableError, Touched,
    plane::acl::AclList,
    store::{Kernel, Table},
};

use crate::{
    bed::{Bed, add_veth, remove_veth},
    contract::Subject,
    fds::pinned,
};

/// The contract's subject over the kernel.
pub(crate) struct OverKernel<'b> {
    bed: &'b Bed,
    owner: Option<Owner>,
}

impl<'b> OverKernel<'b> {
    pub(crate) fn new(bed: &'b Bed) -> Self {
        Self { bed, owner: Some(bed.create()) }
    }

    fn owner(&mut self) -> &mut Owner {
        self.owner.as_mut().expect("there is an owner between two calls")
    }

    fn pin(&self, name: &str) -> PathBuf {
        self.bed.dir(self.owner.as_ref().expect("an owner").name()).join(name)
    }
}

impl Subject for OverKernel<'_> {
    type Store = Kernel;
    fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError> {
        self.owner().reconcile(desired)
    }
    fn reconcile_part(&mut self, desired: &Desired, touched: &Touched) -> Result<Changes, TableError> {
        self.owner().reconcile_part(desired, touched)
    }
    fn sweep(&mut self, now_ns: u64) -> usize {
        self.owner().fdb_sweep(now_ns).expect("swept")
    }
    fn sweep_keys(&mut self, keys: &[FdbKey], now_ns: u64) -> usize {
        self.owner().fdb_sweep_keys(keys, now_ns).expect("swept")
    }
    fn flush(&mut self, filter: FdbFilter) -> usize {
        self.owner().fdb_flush(filter).expect("flushed")
    }
    fn store(&self) -> &Kernel {
        self.owner.as_ref().expect("an owner").store()
    }
    fn has_tcx(&self) -> bool {
        self.pin(&format!("prog_{}", names::PROG_TCX)).exists()
    }
    fn add_device(&mut self, ifindex: u32) {
        add_veth(ifindex);
    }
    fn remove_device(&mut self, ifindex: u32) {
        remove_veth(ifindex);
    }
    fn next_owner(&mut self) {
        let name = self.owner.take().expect("an owner").release();
        let slot = if name.slot == MsmSlot::A { MsmSlot::B } else { MsmSlot::A };
        self.owner = Some(self.bed.tree().take(&name, slot).expect("taken"));
    }
    fn learn(&mut self, key: FdbKey, entry: FdbEntry) {
        let map = aya::maps::Map::HashMap(pinned(&self.pin(names::FDB)));
        let mut fdb = aya::maps::HashMap::<_, u64, u64>::try_from(map).expect("a hash map of words");
        fdb.insert(key.0, entry.0, 0).expect("room");
    }
    fn set_generation(&mut self, generation: u64) {
        let map = aya::maps::Map::Array(pinned(&self.pin(names::FDB_GEN)));
        let mut word = aya::maps::Array::<_, u64>::try_from(map).expect("an array of words");
        word.set(0, generation, 0).expect("written");
    }
    fn reconcile_acl(&mut self, list: &AclList) -> Result<Changes, TableError> {
        self.owner().reconcile_acl(list)
    }
    fn reconcile_routes(&mut self, routing: &Routing) -> Result<RouteChanges, TableError> {
        self.owner().reconcile_routes(routing)
    }
    fn reconcile_routes_part(
        &mut self,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<RouteChanges, TableError> {
        self.owner().reconcile_routes_part(routing, touched)
    }
    fn hit(&mut self, counter: u32, hits: u64) {
        let map = aya::maps::Map::PerCpuArray(pinned(&self.pin(names::ACL_HITS)));
        let mut counters = aya::maps::PerCpuArray::<_, u64>::try_from(map).expect("an array of words");
        let mut cpus = vec![0; aya::util::nr_cpus().expect("a number")];
        cpus[0] = hits;
        counters
            .set(counter, aya::maps::PerCpuValues::try_from(cpus).expect("a value a CPU"), 0)
            .expect("written");
    }
    fn write<const N: usize>(&mut self, table: Table, index: u32, value: [u8; N]) {
        let map = pinned(&self.pin(table.name()));
        if table.spec().row > 1 {
            return write_mapped(&map, index as usize * N, &value);
        }
        let map = aya::maps::Map::Array(map);
        let mut array = aya::maps::Array::<_, [u8; N]>::try_from(map).expect("an array");
        array.set(index, value, 0).expect("written");
    }
}

/// Writes bytes of a map whose values hold more than one entry each.
fn write_mapped(map: &aya::maps::MapData, at: usize, bytes: &[u8]) {
    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
    const PAGE: usize = 4096;
    let (skip, len) = (at % PAGE, (at % PAGE + bytes.len()).next_multiple_of(PAGE));
    let (from, protection) = ((at - skip) as u64, ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let mapped = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, map.fd(), from) };
    let mapped = mapped.expect("mapped");
    let to = mapped.cast::<u8>().wrapping_add(skip);
    // SAFETY: within the mapping.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    // SAFETY: nothing refers to it.
    unsafe { munmap(mapped, len) }.expect("unmapped");
}
