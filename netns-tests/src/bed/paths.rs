//! Where a bed's files are, and where built files are found.

use std::path::{Path, PathBuf};

use super::{BedError, Result, options::chassis_of};

/// bpffs, as the product's default has it.
pub(super) const BPFFS: &str = "/sys/fs/bpf";
/// Run directories of chassis, and the testbed's files beside them.
const RUN: &str = "/run/msm";

/// Everything a bed leaves in file systems.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// The product's run directory.
    pub run_dir: PathBuf,
    /// Flash of its MSMs.
    pub flash_dir: PathBuf,
    /// Its chassis file.
    pub chassis_file: PathBuf,
    /// The bed's options, for who finds it later.
    pub state: PathBuf,
    /// What the backplane prints before it has its log.
    pub start_log: PathBuf,
    /// Its pins.
    pub pins: PathBuf,
}

impl Paths {
    pub(super) fn of(prefix: &str) -> Self {
        let chassis = chassis_of(prefix);
        let run = Path::new(RUN);
        Self {
            run_dir: run.join(&chassis),
            flash_dir: run.join(format!("{chassis}.flash")),
            chassis_file: run.join(format!("{chassis}.toml")),
            state: run.join(format!("{chassis}.bed.json")),
            start_log: run.join(format!("{chassis}.start.log")),
            pins: Path::new(BPFFS).join("msm").join(&chassis),
        }
    }
}

/// A built file: beside the running binary or below one of the directories above it (`target/bed/msm-bed`,
/// `target/debug/deps/...`), under the first of `names` that is there.
pub(crate) fn find_built(names: &[&str]) -> Option<PathBuf> {
    let exe = std::env::current_exe().ok()?;
    exe.ancestors().skip(1).flat_map(|dir| names.iter().map(|name| dir.join(name))).find(|path| path.exists())
}

/// The image directory: as given, else found.
pub(super) fn image(given: Option<&Path>) -> Result<PathBuf> {
    const WHAT: &str = "msm-ctl";
    let dir = match given {
        Some(dir) => dir.to_path_buf(),
        None => find_built(&["image/msm-ctl"])
            .and_then(|binary| binary.parent().map(Path::to_path_buf))
            .ok_or_else(|| BedError::NotBuilt { what: WHAT, path: PathBuf::from("target/image/msm-ctl") })?,
    };
    let binary = dir.join("msm-ctl");
    if binary.exists() { Ok(dir) } else { Err(BedError::NotBuilt { what: WHAT, path: binary }) }
}
