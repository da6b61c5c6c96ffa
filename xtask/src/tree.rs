//! Where things are: the repository, its target folder and what is laid out in it.

use std::env;
use std::path::{Path, PathBuf};

/// The repository this program was built from.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree that cargo runs us in; the one we were built from when we were started without cargo (by sudo).
    pub(crate) fn find() -> Self {
        let xtask = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = xtask.parent().expect("xtask is a folder of the repository").to_path_buf();
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Always `<root>/target`, whatever CARGO_TARGET_DIR says: the testbed and the documents name paths in it.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// What setup builds or fetches, and nothing else.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    pub(crate) fn ebpf_target(&self) -> PathBuf {
        self.target().join("ebpf")
    }

    /// The product: `msm-ctl` and `msm-ebpf.o`.
    pub(crate) fn image(&self) -> PathBuf {
        self.target().join("image")
    }

    /// The image whose takeover moves the label and nothing else: the tests must catch it.
    pub(crate) fn label_only_image(&self) -> PathBuf {
        self.target().join("image-label-only")
    }

    /// The testbed: `msm-bed` and `probe-ebpf.o`.
    pub(crate) fn bed(&self) -> PathBuf {
        self.target().join("bed")
    }
}
