//! A private place for kernel tests: own network and mount namespace on a thread of its own, own bpffs, veths as netdevs. All of it ends
//! with the thread, whatever the test did.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use msm_abi::{FdbEntry, FdbKey, names};
use msm_dataplane::{
    Changes, Desired, FdbFilter, MsmSlot, Owner, OwnerName, PinTree, RouteChanges, RoutesTouched, Routing,
    TableError, Touched,
    plane::acl::AclList,
    store::{Kernel, Table},
};

use crate::{contract::Subject, fds::pinned};

/// Name of the chassis in every test: each has its own bpffs.
pub(crate) const CHASSIS: &str = "dp-test";
/// Capacity of the FDB: room for the batched read of 60,000.
pub(crate) const FDB: u32 = 65_536;

/// The object under test.
pub(crate) fn object() -> PathBuf {
    let path = std::env::var_os("MSM_EBPF_OBJECT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/image/msm-ebpf.o"),
        PathBuf::from,
    );
    let name = path.display();
    assert!(
        path.exists(),
        "{name} is missing: build it by `cargo xtask build-ebpf`, or name another in MSM_EBPF_OBJECT"
    );
    path
}

pub(crate) struct Bed {
    bpffs: PathBuf,
}

impl Bed {
    /// Runs `test` in a bed. Needs root.
    pub(crate) fn run(test: impl FnOnce(&Bed) + Send + 'static) {
        let thread = std::thread::spawn(|| {
            let base = tempfile::tempdir().expect("a directory to mount on");
            // SAFETY: unshare takes no pointers; this thread shares nothing with others but memory and descriptors afterwards.
            let done = unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET) };
            assert_eq!(done, 0, "unshare: {} (are you root?)", std::io::Error::last_os_error());
            let bpffs = base.path().to_owned();
            run("mount", &["--make-rprivate", "/"]);
            run("mount", &["-t", "bpf", "bpf", bpffs.to_str().expect("a plain path")]);
            let bed = Bed { bpffs };
            test(&bed);
            run("umount", &["-l", bed.bpffs.to_str().expect("a plain path")]);
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }

    pub(crate) fn bpffs(&self) -> &Path {
        &self.bpffs
    }

    pub(crate) fn tree(&self) -> PinTree {
        PinTree::new(&self.bpffs, CHASSIS).expect("a bpffs")
    }

    pub(crate) fn create(&self) -> Owner {
        self.tree().create(MsmSlot::A, &object(), FDB).expect("a cold start")
    }

    /// Where the tree of `name` is.
    pub(crate) fn dir(&self, name: &OwnerName) -> PathBuf {
        self.bpffs.join("msm").join(CHASSIS).join(name.to_string())
    }
}

pub(crate) fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A veth whose switch end has `ifindex`; the other end has an index far away and GRO, so that it can be redirected to.
pub(crate) fn add_veth(ifindex: u32) {
    let (port, host) = (format!("p{ifindex}"), format!("h{ifindex}"));
    let (index, peer) = (ifindex.to_string(), (ifindex + 20_000).to_string());
    run(
        "ip",
        &["link", "add", &port, "index", &index, "type", "veth", "peer", "name", &host, "index", &peer],
    );
    run("ip", &["link", "set", &port, "up"]);
    run("ip", &["link", "set", &host, "up"]);
}

pub(crate) fn remove_veth(ifindex: u32) {
    run("ip", &["link", "del", &format!("p{ifindex}")]);
}

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
        self.owner.as_ref().expect("an owner").observer().store()
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
        word.set(msm_abi::fdb_gen::OWNER, generation, 0).expect("written");
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
        let map = aya::maps::Map::Array(pinned(&self.pin(table.name())));
        let mut array = aya::maps::Array::<_, [u8; N]>::try_from(map).expect("an array");
        array.set(index, value, 0).expect("written");
    }
}
