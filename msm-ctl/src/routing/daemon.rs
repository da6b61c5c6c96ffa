//! The daemons of FRR that the switch uses.

use serde::{Deserialize, Serialize};

/// One of them. In the order of their start: zebra has the others' routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Daemon {
    /// Routes, to and from the kernel.
    Zebra,
    /// OSPF.
    Ospfd,
    /// BGP.
    Bgpd,
    /// RIP.
    Ripd,
}

impl Daemon {
    /// All.
    pub(crate) const ALL: [Self; 4] = [Self::Zebra, Self::Ospfd, Self::Bgpd, Self::Ripd];

    /// Name of its program, its files and its section.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zebra => "zebra",
            Self::Ospfd => "ospfd",
            Self::Bgpd => "bgpd",
            Self::Ripd => "ripd",
        }
    }
}

impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
