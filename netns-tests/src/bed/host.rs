//! A host: its namespace and netdev, and the switch port at the other end.

use std::process::Command;

use super::{BedError, HostSpec, Netns, Result, ethtool};

/// Netdev of every host.
pub const HOST_DEV: &str = "eth0";

/// A host of the bed.
#[derive(Debug)]
pub struct Host {
    /// Its names and numbers.
    pub spec: HostSpec,
    /// Its namespace.
    pub netns: Netns,
}

impl Host {
    /// MAC of `eth0`: 02:00:00:00:00:0N.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        mac_of(&self.spec)
    }

    /// Address of `eth0`: 10.0.0.N.
    #[must_use]
    pub fn ip(&self) -> std::net::Ipv4Addr {
        std::net::Ipv4Addr::new(10, 0, 0, self.spec.number)
    }

    /// Runs `work` on a thread of its own inside the host.
    ///
    /// # Errors
    /// As [`Netns::enter`].
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        self.netns.enter(work)
    }

    /// Transmit offloads of `eth0`: checksums (and TSO), and tags beside the frame. On is a host's default, off what XDP needs.
    ///
    /// # Errors
    /// As [`Netns::enter`], or what the kernel said.
    pub fn set_offloads(&self, on: bool) -> Result<()> {
        let set = || {
            ethtool::set_tx_checksum(HOST_DEV, on)?;
            // Refused, and wanted from then on, while the port at the other end has an XDP program (veth_fix_features).
            drop(ethtool::set_tso(HOST_DEV, on));
            ethtool::set_tx_vlan(HOST_DEV, on)
        };
        self.enter(set)?.map_err(BedError::io(format!("transmit offloads of {}", self.netns.name())))
    }

    /// GRO of `eth0`.
    ///
    /// # Errors
    /// As [`Netns::enter`], or what the kernel said.
    pub fn set_gro(&self, on: bool) -> Result<()> {
        let set = || ethtool::set_gro(HOST_DEV, on);
        self.enter(set)?.map_err(BedError::io(format!("GRO of {}", self.netns.name())))
    }

    /// A command that will run inside the host.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        self.netns.command(program)
    }
}

pub(super) fn mac_of(spec: &HostSpec) -> [u8; 6] {
    [0x02, 0, 0, 0, 0, spec.number]
}

/// `02:00:00:00:00:01`.
#[must_use]
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
