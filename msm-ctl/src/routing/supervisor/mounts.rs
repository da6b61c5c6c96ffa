//! A mount namespace of the supervisor's own: what FRR has at fixed places is this chassis' there.

use std::io;

use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::UnshareFlags;

use super::super::place::Place;

/// Where FRR of Debian's package has its sockets and its configuration.
const RUN: &str = "/run/frr";
const ETC: &str = "/etc/frr";

/// Enters it; the caller has one thread yet.
pub(super) fn enter(place: &Place) -> io::Result<()> {
    for dir in [RUN, ETC] {
        std::fs::create_dir_all(dir)?;
    }
    // SAFETY: only the calling thread, which is the only one, changes its view of files; no descriptor does.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    // What the machine unmounts later goes here too: a copy that stayed would keep namespaces alive.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    mount_bind(place.run(), RUN)?;
    mount_bind(place.etc(), ETC)?;
    Ok(())
}
