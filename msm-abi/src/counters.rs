//! Counters: a port's frames, and why frames were dropped. Per CPU, so that counting shares no cache line.

/// Why a frame was dropped. The number is the index in [`PortCounters::drops`], of the port it came in by; drops of
/// flooded copies count at the port they would have left by.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Shorter than an Ethernet header, or a header that it announces is cut off. Egress: metadata that is not ours.
    Truncated = 0,
    /// The netdev is no port, or the port is disabled.
    PortDisabled = 1,
    /// The VLAN does not exist, or the ingress port is no member of it.
    NotMember = 2,
    /// Source address is a group address or zero.
    BadSource = 3,
    /// A control address whose action is discard.
    Control = 4,
    /// A control address whose action is trap, with nobody to take it. "Trap and forward" is forwarded and no drop.
    NoTrap = 5,
    /// The ingress gate is not forwarding.
    IngressGate = 6,
    /// The egress gate is not forwarding.
    EgressGate = 7,
    /// The destination is on the port that the frame came from.
    Hairpin = 8,
    /// A blackhole FDB entry.
    Blackhole = 9,
    /// The fabric of its flow bucket is absent.
    FabricAbsent = 10,
    /// The fabric of its flow bucket is not programmed.
    FabricUnprogrammed = 11,
    /// The destination's port has no netdev in the transmit table, or its VLAN no member set.
    NoEgress = 12,
    /// A frame with fragments cannot be flooded (the kernel does not clone multi-buffer frames).
    FloodFragments = 13,
    /// No room for the internal header.
    Headroom = 14,
    /// The dispatcher found no program in its slot.
    NoProgram = 15,
    /// Egress port: a flooded copy for a port that is no member (expected while a member set changes; not a loss).
    /// Ingress port: the FDB names a port that is no member any more.
    EgressNotMember = 16,
    /// An access list denies it.
    AclDenied = 17,
    /// Over the port's rate for broadcast, multicast or unknown destinations.
    RateLimited = 18,
    /// Over the rate of its class for frames to the control plane.
    CpuLimited = 19,
    /// A new station at a port that may learn no more.
    LearnLimited = 20,
    /// An IP header that is none: version, lengths or checksum.
    BadIp = 21,
    /// A source or destination address that no router forwards (RFC 1812 5.3.7).
    Martian = 22,
    /// Its route says so.
    RouteBlackhole = 23,
    /// A load-sharing group without a port that is up.
    GroupDown = 24,
    /// A flooded copy at a member of a load-sharing group that another member sends, or at the group it came from (expected; not a loss).
    OtherMember = 25,
}

impl DropReason {
    /// Number of reasons; arrays have room for [`PortCounters::REASONS`].
    pub const COUNT: usize = 26;
    /// Every reason with its name as shown to operators.
    pub const ALL: [(DropReason, &'static str); Self::COUNT] = [
        (DropReason::Truncated, "truncated"),
        (DropReason::PortDisabled, "port-disabled"),
        (DropReason::NotMember, "not-member"),
        (DropReason::BadSource, "bad-source"),
        (DropReason::Control, "control"),
        (DropReason::NoTrap, "no-trap"),
        (DropReason::IngressGate, "ingress-gate"),
        (DropReason::EgressGate, "egress-gate"),
        (DropReason::Hairpin, "hairpin"),
        (DropReason::Blackhole, "blackhole"),
        (DropReason::FabricAbsent, "fabric-absent"),
        (DropReason::FabricUnprogrammed, "fabric-unprogrammed"),
        (DropReason::NoEgress, "no-egress"),
        (DropReason::FloodFragments, "flood-fragments"),
        (DropReason::Headroom, "headroom"),
        (DropReason::NoProgram, "no-program"),
        (DropReason::EgressNotMember, "egress-not-member"),
        (DropReason::AclDenied, "acl-denied"),
        (DropReason::RateLimited, "rate-limited"),
        (DropReason::CpuLimited, "cpu-limited"),
        (DropReason::LearnLimited, "learn-limited"),
        (DropReason::BadIp, "bad-ip"),
        (DropReason::Martian, "martian"),
        (DropReason::RouteBlackhole, "route-blackhole"),
        (DropReason::GroupDown, "group-down"),
        (DropReason::OtherMember, "other-member"),
    ];
}

/// COUNTERS: per-CPU array by logical port; the last entry (index [`crate::LPORTS`]) counts frames of no port.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames received.
    pub rx_frames: u64,
    /// Bytes received, without FCS.
    pub rx_bytes: u64,
    /// Unicast frames handed to this port for transmission.
    pub tx_frames: u64,
    /// Bytes of them.
    pub tx_bytes: u64,
    /// Frames received here and flooded.
    pub flooded: u64,
    /// Flooded copies that left by this port.
    pub tx_flood_copies: u64,
    /// Stations learned or moved to this port.
    pub learned: u64,
    /// Stations not learned because the FDB was full.
    pub learn_full: u64,
    /// Frames received here and handed to the control plane: the stack or a protocol's ring.
    pub to_cpu: u64,
    /// Frames received here and routed (also counted where they leave).
    pub routed: u64,
    /// Frames received here that went by the tcx entry for their destination's sake.
    pub slow: u64,
    /// Frames dropped, by [`DropReason`].
    pub drops: [u64; Self::REASONS],
}

impl PortCounters {
    /// Room for reasons.
    pub const REASONS: usize = 37;
}

impl Default for PortCounters {
    fn default() -> Self {
        Self {
            rx_frames: 0,
            rx_bytes: 0,
            tx_frames: 0,
            tx_bytes: 0,
            flooded: 0,
            tx_flood_copies: 0,
            learned: 0,
            learn_full: 0,
            to_cpu: 0,
            routed: 0,
            slow: 0,
            drops: [0; Self::REASONS],
        }
    }
}
const _: () = assert!(size_of::<PortCounters>() == 384 && DropReason::COUNT <= PortCounters::REASONS);
