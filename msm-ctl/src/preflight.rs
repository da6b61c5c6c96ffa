//! What must be so before a process starts: root, a kernel that is new enough, a mounted bpffs.

use std::path::Path;

/// Oldest kernel: multi-buffer XDP devmaps, tcx and links of every kind used here are complete since.
const KERNEL: (u32, u32) = (6, 6);
/// `BPF_FS_MAGIC` of include/uapi/linux/magic.h.
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// A condition that does not hold, with its cure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreflightError {
    /// Not root.
    #[error("{what}: needs root (BPF, netlink and {run} are closed to uid {uid}); run it with sudo")]
    NotRoot {
        /// What was to be started.
        what: &'static str,
        /// The run directory.
        run: String,
        /// Effective user id.
        uid: u32,
    },
    /// Kernel too old.
    #[error(
        "{what}: kernel {release} is too old; the forwarding plane needs {}.{} or newer; boot a newer kernel",
        KERNEL.0,
        KERNEL.1
    )]
    Kernel {
        /// What was to be started.
        what: &'static str,
        /// `uname -r`.
        release: String,
    },
    /// No bpffs.
    #[error(
        "{what}: {path} is no bpffs, and without one a crash would end forwarding; mount it: mount -t bpf bpf {path}"
    )]
    Bpffs {
        /// What was to be started.
        what: &'static str,
        /// The path of the chassis file's `bpffs`.
        path: String,
    },
}

/// Root only.
pub(crate) fn root(what: &'static str, run: &Path) -> Result<(), PreflightError> {
    let uid = rustix::process::geteuid().as_raw();
    if uid == 0 { Ok(()) } else { Err(PreflightError::NotRoot { what, run: run.display().to_string(), uid }) }
}

/// Root, kernel and bpffs.
pub(crate) fn plane(what: &'static str, run: &Path, bpffs: &Path) -> Result<(), PreflightError> {
    root(what, run)?;
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    if !new_enough(&release) {
        return Err(PreflightError::Kernel { what, release });
    }
    let mounted = rustix::fs::statfs(bpffs).is_ok_and(|fs| fs.f_type as u64 & 0xffff_ffff == BPF_FS_MAGIC);
    if mounted { Ok(()) } else { Err(PreflightError::Bpffs { what, path: bpffs.display().to_string() }) }
}

/// A release that cannot be read is taken as new enough: the kernel itself refuses what it does not know.
fn new_enough(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= KERNEL,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_compared_by_number() {
        assert!(new_enough("6.18.44-fc-v595"));
        assert!(new_enough("6.6"));
        assert!(new_enough("10.0.1"));
        assert!(!new_enough("6.5.13"));
        assert!(!new_enough("5.19.0-rc1"));
    }

    #[test]
    fn a_directory_that_is_no_bpffs_is_named() {
        if rustix::process::geteuid().is_root() {
            let error = plane("chassis", Path::new("/run/msm/x"), Path::new("/proc")).expect_err("no bpffs");
            assert!(error.to_string().contains("mount -t bpf bpf /proc"), "{error}");
        }
    }
}
