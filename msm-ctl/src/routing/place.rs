//! Files of the supervisor and its daemons, below the chassis' run directory.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Daemon, install};
use crate::config::chassis::Chassis;

impl Chassis {
    /// Lock of the supervisor of the routing daemons; holds its pid.
    pub(crate) fn routing_lock(&self) -> PathBuf {
        self.run_dir.join("routing.pid")
    }

    /// Its log, and what the daemons print.
    pub(crate) fn routing_log(&self) -> PathBuf {
        self.run_dir.join("routing.log")
    }

    /// Its files.
    pub(crate) fn routing(&self) -> Place {
        Place(self.run_dir.join("routing"))
    }
}

/// The directory of the routing daemons.
#[derive(Clone, Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// Makes it, with FRR as the owner of what is FRR's.
    pub(super) fn make(&self) -> std::io::Result<()> {
        for (dir, mode) in [(self.run(), 0o755), (self.etc(), 0o750)] {
            std::fs::create_dir_all(&dir)?;
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode))?;
            install::give(&dir)?;
        }
        Ok(())
    }

    /// It itself.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// What the daemons see as /run/frr.
    pub(super) fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// What they see as /etc/frr.
    pub(super) fn etc(&self) -> PathBuf {
        self.0.join("etc")
    }

    /// What a daemon reads when it starts.
    pub(super) fn configuration(&self, daemon: Daemon) -> PathBuf {
        self.etc().join(format!("{daemon}.conf"))
    }

    /// Where a daemon takes commands.
    pub(crate) fn vty(&self, daemon: Daemon) -> PathBuf {
        self.run().join(format!("{daemon}.vty"))
    }

    /// Pid of a daemon; written by itself.
    pub(super) fn pid(&self, daemon: Daemon) -> PathBuf {
        self.run().join(format!("{daemon}.pid"))
    }

    /// Where zebra takes routes.
    pub(super) fn zserv(&self) -> PathBuf {
        self.run().join("zserv.api")
    }

    /// Where ospfd reads that it was restarted.
    pub(super) fn restarted(&self) -> PathBuf {
        self.run().join("ospfd-gr.json")
    }

    /// What the master wants to run.
    pub(super) fn orders(&self) -> PathBuf {
        self.0.join("orders.json")
    }

    /// What the supervisor says that runs.
    pub(crate) fn report(&self) -> PathBuf {
        self.0.join("report.json")
    }
}

/// Writes beside, then renames into place: a reader sees the old or the new.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
