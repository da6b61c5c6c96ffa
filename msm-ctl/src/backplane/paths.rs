//! Names of the files of a run directory.

use std::path::PathBuf;

use msm_proto::Slot;

use crate::config::chassis::Chassis;

impl Chassis {
    /// Lock of the backplane; holds its pid.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.run_dir.join("chassis.lock")
    }

    /// Socket of the backplane.
    pub(crate) fn backplane_socket(&self) -> PathBuf {
        self.run_dir.join("chassis.sock")
    }

    /// Pid of the backplane, for people and scripts; the lock is the truth.
    pub(crate) fn backplane_pid(&self) -> PathBuf {
        self.run_dir.join("chassis.pid")
    }

    /// Log of the backplane.
    pub(crate) fn backplane_log(&self) -> PathBuf {
        self.run_dir.join("chassis.log")
    }

    /// Lock of a slot's MSM; holds its pid.
    pub(crate) fn msm_lock(&self, slot: Slot) -> PathBuf {
        self.run_dir.join(format!("msm-{slot}.pid"))
    }

    /// Log of a slot's MSM.
    pub(crate) fn msm_log(&self, slot: Slot) -> PathBuf {
        self.run_dir.join(format!("msm-{slot}.log"))
    }

    /// Where the MSM of `slot` waits for its peer.
    pub(crate) fn tsync_socket(&self, slot: Slot) -> PathBuf {
        self.run_dir.join(format!("tsync-{slot}.sock"))
    }

    /// Where the MSM of `slot` waits for clients.
    pub(crate) fn cli_socket(&self, slot: Slot) -> PathBuf {
        cli_socket(&self.run_dir, slot)
    }
}

/// Where the MSM of `slot` waits for clients.
pub(crate) fn cli_socket(run_dir: &std::path::Path, slot: Slot) -> PathBuf {
    run_dir.join(format!("cli-{slot}.sock"))
}
