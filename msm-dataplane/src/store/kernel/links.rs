//! Pinned links: of XDP `link_<lport>`, of tcx `tcx_<lport>`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use msm_abi::{LPORTS, Lport};

use super::{DISPATCH, Kernel, TCX};
use crate::{
    PortFault, bpf,
    store::{Hook, LinkState, Links},
};

/// How the pins of a hook's links are named, before the port's number.
const fn prefix(hook: Hook) -> &'static str {
    match hook {
        Hook::Xdp => "link_",
        Hook::Tcx => "tcx_",
    }
}

/// Path of the pin of a port's link.
fn link_pin(dir: &Path, hook: Hook, lport: Lport) -> PathBuf {
    dir.join(format!("{}{lport}", prefix(hook)))
}

/// The ports of the link pins of a hook in `dir`.
pub(crate) fn link_pins(dir: &Path, hook: Hook) -> io::Result<Vec<Lport>> {
    let mut lports: Vec<Lport> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let lport =
            name.to_str().and_then(|n| n.strip_prefix(prefix(hook))).and_then(|n| n.parse::<Lport>().ok());
        lports.extend(lport.filter(|l| usize::from(*l) < LPORTS));
    }
    lports.sort_unstable();
    Ok(lports)
}

/// Takes the program of `lport` at a hook off its netdev and removes the pin; nothing if there is none.
pub(crate) fn unlink(dir: &Path, hook: Hook, lport: Lport) -> io::Result<()> {
    let pin = link_pin(dir, hook, lport);
    let done = bpf::obj_get(&pin, 0).and_then(|link| bpf::link_detach(link.as_fd()));
    match done.and_then(|()| std::fs::remove_file(&pin)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl Links for Kernel {
    fn links(&self, hook: Hook) -> io::Result<Vec<(Lport, LinkState)>> {
        let kind = match hook {
            Hook::Xdp => bpf::LINK_TYPE_XDP,
            Hook::Tcx => bpf::LINK_TYPE_TCX,
        };
        let mut links = Vec::new();
        for lport in link_pins(&self.dir, hook)? {
            let link = bpf::obj_get(&link_pin(&self.dir, hook, lport), 0)?;
            let info = bpf::link_info(link.as_fd(), kind)?;
            links.push((lport, LinkState { ifindex: info.ifindex, program: info.program }));
        }
        Ok(links)
    }

    fn attach(&mut self, hook: Hook, lport: Lport, ifindex: u32) -> Result<(), PortFault> {
        let (at, create): (_, fn(BorrowedFd<'_>, u32) -> io::Result<OwnedFd>) = match hook {
            Hook::Xdp => (DISPATCH, bpf::link_create_xdp),
            Hook::Tcx => (TCX, bpf::link_create_tcx),
        };
        let program = self.programs.get(at).ok_or_else(|| {
            let reason = "opened for reading, or an object without that program".to_owned();
            PortFault::InvalidLink { ifindex, reason }
        })?;
        let link = create(program.fd.as_fd(), ifindex).map_err(|e| refused(ifindex, &e))?;
        // Unpinned, the link goes with this descriptor: the netdev is as it was.
        bpf::obj_pin(link.as_fd(), &link_pin(&self.dir, hook, lport))
            .map_err(|e| PortFault::NotPinnable { ifindex, reason: e.to_string() })?;
        self.writes += 1;
        Ok(())
    }

    fn detach(&mut self, hook: Hook, lport: Lport) -> io::Result<()> {
        unlink(&self.dir, hook, lport)?;
        self.writes += 1;
        Ok(())
    }
}

/// Why bpf_xdp_link_attach (net/core/dev.c) or the driver's XDP_SETUP_PROG refused.
fn refused(ifindex: u32, error: &io::Error) -> PortFault {
    match error.raw_os_error() {
        Some(libc::ENODEV) => PortFault::DeviceMissing { ifindex },
        Some(libc::EINVAL) if !exists(ifindex) => PortFault::DeviceMissing { ifindex },
        Some(libc::ERANGE) => PortFault::MtuTooLarge { ifindex },
        Some(libc::EBUSY | libc::EEXIST) => PortFault::Occupied { ifindex },
        _ => PortFault::InvalidLink { ifindex, reason: error.to_string() },
    }
}

/// True if the calling thread's network namespace has a netdev of this index.
fn exists(ifindex: u32) -> bool {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice::index_to_name, socket_with};
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .and_then(|socket| index_to_name(socket, ifindex))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_named() {
        let fault = |errno| refused(65_535, &io::Error::from_raw_os_error(errno));
        let ifindex = 65_535;
        assert_eq!(fault(libc::ERANGE), PortFault::MtuTooLarge { ifindex });
        assert_eq!(fault(libc::EBUSY), PortFault::Occupied { ifindex });
        assert_eq!(fault(libc::EINVAL), PortFault::DeviceMissing { ifindex });
        assert!(matches!(fault(libc::EOPNOTSUPP), PortFault::InvalidLink { .. }));
        assert!(matches!(
            refused(1, &io::Error::from_raw_os_error(libc::EINVAL)),
            PortFault::InvalidLink { .. }
        ));
    }
}
