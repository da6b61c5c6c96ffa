//! Whether FRR is there, and which one.

use std::path::{Path, PathBuf};

use super::Daemon;

/// Where Debian's package has the daemons.
const PROGRAMS: &str = "/usr/lib/frr";

/// User and group that they run as.
const USER: &str = "frr";

/// FRR is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("routing protocols need FRR, and {} is not there; install it: apt-get install frr", .0.display())]
pub(crate) struct NotInstalled(PathBuf);

/// Program of a daemon.
pub(super) fn program(daemon: Daemon) -> PathBuf {
    Path::new(PROGRAMS).join(daemon.name())
}

/// Whether all daemons are installed.
///
/// # Errors
/// Which is not, and what to do.
pub(crate) fn installed() -> Result<(), NotInstalled> {
    match Daemon::ALL.map(program).into_iter().find(|program| !program.exists()) {
        Some(missing) => Err(NotInstalled(missing)),
        None => Ok(()),
    }
}

/// Lets FRR's user have a file.
pub(super) fn give(path: &Path) -> std::io::Result<()> {
    let (user, group) = (id("/etc/passwd", USER), id("/etc/group", USER));
    std::os::unix::fs::chown(path, user, group)
}

/// A user or group by name; without one FRR's daemons would not start either.
fn id(file: &str, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}
