//! A private place for kernel tests: own network and mount namespace on a thread of its own, own bpffs, veths as netdevs. All of it ends
//! with the thread, whatever the test did.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use msm_dataplane::{MsmSlot, Owner, OwnerName, PinTree};

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
            // Netdevs say nothing of themselves: what a test counts is the test's.
            std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").expect("IPv6 off");
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
