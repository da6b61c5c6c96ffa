//! What access lists look at in a frame.

use msm_abi::Lport;

/// The fields of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AclFields {
    /// The physical port by which it came in.
    pub ingress: Lport,
    /// MAC addresses.
    pub source: [u8; 6],
    /// Of the frame.
    pub destination: [u8; 6],
    /// What is in it, behind one 802.1Q tag if it has one.
    pub ethertype: u16,
    /// The IPv4 header, if there is a whole one behind that.
    pub ip: Option<AclIp>,
}

/// The fields of an IPv4 header and of what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AclIp {
    /// Address.
    pub source: u32,
    /// Address.
    pub destination: u32,
    /// IP protocol.
    pub protocol: u8,
    /// Source and destination port of TCP or UDP; none of another protocol, of a fragment but the first, and of a packet that ends
    /// before them.
    pub ports: Option<(u16, u16)>,
}
