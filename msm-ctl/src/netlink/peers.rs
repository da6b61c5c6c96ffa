//! What the host at the other end of a veth leaves to its netdev: offloads whose frames XDP cannot carry.

/// Offloads of a veth's other end, where it could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Its namespace is not to be found from here.
    Unreachable,
    /// Asked.
    Seen {
        /// Its name there.
        name: String,
        /// Frames leave it with checksums that are not done (`tx`).
        tx_checksum: bool,
        /// Segments leave it that are longer than a frame (`tso`).
        tso: bool,
        /// Tags leave it beside the frame (`txvlan`).
        tx_vlan: bool,
    },
}

impl Peer {
    /// Whether something of what it sends breaks under XDP. Of one that cannot be asked, the worst is thought.
    pub(crate) fn needs_tcx(&self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Seen { tx_checksum, tso, tx_vlan, .. } => *tx_checksum || *tso || *tx_vlan,
        }
    }
}
