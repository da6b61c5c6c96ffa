//! Where routes come from that a routing protocol passes on (`enable ospf|bgp|rip export`).

use std::fmt;

/// A source of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Networks of the switch's own interfaces.
    Direct,
    /// Static routes.
    Static,
    /// OSPF.
    Ospf,
    /// BGP.
    Bgp,
    /// RIP.
    Rip,
}

impl Source {
    /// All, with the words that commands have for them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("direct", Self::Direct),
        ("static", Self::Static),
        ("ospf", Self::Ospf),
        ("bgp", Self::Bgp),
        ("rip", Self::Rip),
    ];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Static => "static",
            Self::Ospf => "ospf",
            Self::Bgp => "bgp",
            Self::Rip => "rip",
        })
    }
}
