//! Why a change cannot be made, and what to do first.

use std::net::{IpAddr, Ipv4Addr};

use msm_proto::{OptionsError, Preserve};

use crate::mac::Mac;
use crate::name::Name;
use crate::netdev::NetdevName;
use crate::network::{BadInterface, Interface, Interface6, Network};
use crate::port::PortName;
use crate::portlist::Missing;

/// See the file's first line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such VLAN.
    #[error("there is no VLAN \"{0}\"; show vlan lists them, create vlan {0} makes it")]
    NoVlan(Name),
    /// The name is taken.
    #[error("VLAN \"{0}\" exists already; choose another name, or delete vlan {0} first")]
    VlanExists(Name),
    /// Default and Mgmt stay.
    #[error("VLAN \"{0}\" is part of the switch and cannot be deleted")]
    VlanStays(Name),
    /// Something else needs it.
    #[error("VLAN \"{vlan}\" is in use by {user}; remove that first")]
    VlanInUse {
        /// The VLAN.
        vlan: Name,
        /// By what.
        user: String,
    },
    /// Mgmt has neither tag nor ports.
    #[error("VLAN \"{0}\" is the management netdev: it is not switched, so it has neither a tag nor ports")]
    NotSwitched(Name),
    /// The tag is another's.
    #[error("tag {tag} is that of VLAN \"{vlan}\"; choose another")]
    TagTaken {
        /// The tag.
        tag: u16,
        /// Whose it is.
        vlan: Name,
    },
    /// Tagged members need one.
    #[error("VLAN \"{0}\" has no tag: configure vlan {0} tag N before adding tagged ports")]
    NoTag(Name),
    /// All 4,094 are used.
    #[error("all 4094 VLANs exist; delete one first")]
    NoVlanLeft,
    /// A port is an untagged member of one VLAN.
    #[error(
        "port {port} is an untagged member of VLAN \"{vlan}\"; configure vlan {vlan} delete ports {port} first, or add it tagged"
    )]
    UntaggedElsewhere {
        /// The port.
        port: PortName,
        /// Where it is.
        vlan: Name,
    },
    /// Not a member.
    #[error("port {port} is no member of VLAN \"{vlan}\"")]
    NotMember {
        /// The port.
        port: PortName,
        /// The VLAN.
        vlan: Name,
    },
    /// Something else needs it there.
    #[error("port {port} is in use by {user}; remove that first")]
    PortInUse {
        /// The port.
        port: PortName,
        /// By what.
        user: String,
    },
    /// The master is one of its group.
    #[error(
        "port {0} is to stand for the group, and is not in it; name it first, as enable sharing 1:1 grouping 1:1-1:4"
    )]
    MasterNotInGroup(PortName),
    /// Over the limit.
    #[error("{ports} ports are too many for a load-sharing group; {most} at most")]
    GroupTooLarge {
        /// Ports named.
        ports: usize,
        /// Ports allowed.
        most: usize,
    },
    /// A port is in one group at most.
    #[error(
        "port {port} is in the load-sharing group of port {master} already; disable sharing {master} first"
    )]
    PortGrouped {
        /// The port.
        port: PortName,
        /// Its group's master.
        master: PortName,
    },
    /// What the master stands for.
    #[error(
        "port {port} is in the load-sharing group of port {master}, which stands for it; name port {master}, or disable sharing {master} first"
    )]
    GroupMember {
        /// The port.
        port: PortName,
        /// Its group's master.
        master: PortName,
    },
    /// No such group.
    #[error("port {0} is no master of a load-sharing group; show sharing lists them")]
    NoGroup(PortName),
    /// A static group.
    #[error(
        "the load-sharing group of port {0} does not speak LACP; disable sharing {0}, then enable it with dynamic"
    )]
    NoLacp(PortName),
    /// The index is another's.
    #[error("index {index} is that of the load-sharing group of port {master}; choose another")]
    GroupIndexTaken {
        /// The index.
        index: u16,
        /// Whose it is.
        master: PortName,
    },
    /// A netdev is one port's.
    #[error("netdev {netdev} is that of {by}; give that another one first, or none")]
    NetdevTaken {
        /// The netdev.
        netdev: NetdevName,
        /// Who has it.
        by: String,
    },
    /// Copies go to a port that does nothing else.
    #[error(
        "port {port} is a member of VLAN \"{vlan}\" and cannot be the monitor port; configure vlan {vlan} delete ports {port} first"
    )]
    MonitorIsMember {
        /// The port.
        port: PortName,
        /// Its VLAN.
        vlan: Name,
    },
    /// Nowhere to copy to.
    #[error("mirroring is off; enable mirroring to port SLOT:PORT first")]
    MirroringOff,
    /// Not in this chassis.
    #[error("there is no {0} in this chassis; show ports lists what there is")]
    NoPort(Missing),
    /// An address that no interface can have.
    #[error("{0}")]
    Address(#[from] BadInterface),
    /// Two VLANs cannot have one network.
    #[error("{interface} overlaps with VLAN \"{vlan}\" ({other}); give it another network")]
    Overlap {
        /// What was wanted.
        interface: Interface,
        /// Who is in the way.
        vlan: Name,
        /// With this.
        other: Interface,
    },
    /// The same, of IPv6.
    #[error("{interface} overlaps with VLAN \"{vlan}\" ({other}); give it another network")]
    Overlap6 {
        /// What was wanted.
        interface: Interface6,
        /// Who is in the way.
        vlan: Name,
        /// With this.
        other: Interface6,
    },
    /// Two VLANs cannot have one interface.
    #[error("interface {number} is that of VLAN \"{vlan}\"; leave the number out")]
    InterfaceTaken {
        /// Its number.
        number: u16,
        /// Whose it is.
        vlan: Name,
    },
    /// Not that one.
    #[error("VLAN \"{1}\" has no address {0}; show ipconfig lists them")]
    NoAddress6(Interface6, Name),
    /// A route's neighbour is of its family.
    #[error("{gateway} cannot be the gateway of {network}: {why}")]
    Gateway {
        /// Who was to be it.
        gateway: IpAddr,
        /// Of what.
        network: Network,
        /// Why it cannot be.
        why: &'static str,
    },
    /// No such static route.
    #[error("there is no such route to {0} in the configuration; show iproute lists what there is")]
    NoRoute(Network),
    /// No such entry.
    #[error("there is no static entry {0}; show iparp lists what there is")]
    NoArp(IpAddr),
    /// No neighbour can have it.
    #[error("{0} is no neighbour's address: {1}")]
    BadNeighbour(IpAddr, &'static str),
    /// No address to remove.
    #[error("VLAN \"{0}\" has no address")]
    NoAddress(Name),
    /// No such static entry.
    #[error("there is no static or blackhole entry {0} in that VLAN")]
    NoEntry(Mac),
    /// No such access list.
    #[error("there is no access list \"{0}\"; show access-list lists them")]
    NoRule(Name),
    /// The name is taken.
    #[error("access list \"{0}\" exists already; delete access-list {0} first")]
    RuleExists(Name),
    /// Each has its own.
    #[error("precedence {precedence} is that of access list \"{name}\"; choose another")]
    PrecedenceTaken {
        /// The precedence.
        precedence: u16,
        /// Whose it is.
        name: Name,
    },
    /// It would have to come behind the last.
    #[error("there is no precedence behind that of access list \"{0}\"; give one, 1 to 25600")]
    NoPrecedence(Name),
    /// Each has its own.
    #[error("counter {0} is another access list's; leave it out")]
    CounterTaken(u16),
    /// A limit.
    #[error("{what} are {most}, the most there can be; delete one first")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// No such account.
    #[error("there is no account \"{0}\"; show accounts lists them")]
    NoAccount(Name),
    /// The name is taken.
    #[error("account \"{0}\" exists already; configure account {0} changes its password")]
    AccountExists(Name),
    /// Somebody must be able to configure.
    #[error("\"{0}\" is the last account that may configure the switch; create another one first")]
    LastAdmin(Name),
    /// Not a PHC string of argon2.
    #[error(
        "that is no argon2 hash in PHC form, as $argon2id$v=19$m=...; leave out \"encrypted\" to give a password"
    )]
    BadHash,
    /// A password must be hashed before it goes anywhere.
    #[error("a password that was not hashed")]
    PlainPassword,
    /// The host is there.
    #[error("syslog host {0} exists already; configure syslog delete {0} first")]
    SyslogExists(String),
    /// It is not.
    #[error("there is no syslog host {0}")]
    NoSyslog(String),
    /// Twice.
    #[error("{0} is a name server already")]
    ServerExists(Ipv4Addr),
    /// Not one.
    #[error("{0} is no name server")]
    NoServer(Ipv4Addr),
    /// The protocol does not run there.
    #[error("VLAN \"{vlan}\" is not in {protocol}; add it first")]
    NotRouted {
        /// The VLAN.
        vlan: Name,
        /// The protocol.
        protocol: &'static str,
    },
    /// BGP is nobody without one.
    #[error("BGP has no AS number; configure bgp AS-number first")]
    NoAsNumber,
    /// Its sessions would all break.
    #[error("BGP is enabled; disable bgp before its AS number is changed")]
    BgpRuns,
    /// Not one.
    #[error("there is no BGP neighbor {0}; create bgp neighbor {0} remote-AS-number N makes it")]
    NoNeighbor(Ipv4Addr),
    /// Twice.
    #[error("BGP neighbor {0} exists already; delete bgp neighbor {0} first")]
    NeighborExists(Ipv4Addr),
    /// RFC 4271 4.4.
    #[error("a keep-alive of {keepalive} s is over a third of the hold time of {hold} s")]
    BgpTimers {
        /// Between keepalives.
        keepalive: u16,
        /// Silence for as long ends the session.
        hold: u16,
    },
    /// A host's address where a network's belongs.
    #[error("{address}/{length} is no network: it has bits behind its mask")]
    HostBits {
        /// The address.
        address: Ipv4Addr,
        /// Bits of the mask.
        length: u8,
    },
    /// Not announced.
    #[error("BGP does not announce {address}/{length}; show configuration lists what it does")]
    NoNetwork {
        /// The address.
        address: Ipv4Addr,
        /// Bits of the mask.
        length: u8,
    },
    /// `slave-config flash`, while state is to be preserved.
    #[error(
        "slave-config flash cannot stand with preserve-state {0}: a slave with its own configuration cannot carry on the master's state; configure msm-failover link-action keep-links-up or take-links-down first"
    )]
    FlashWithPreserve(Preserve),
    /// `preserve-state`, while the slave has its own configuration.
    #[error(
        "preserve-state {0} cannot stand with slave-config flash: a slave with its own configuration cannot carry on the master's state; configure msm-failover slave-config inherited first"
    )]
    PreserveWithFlash(Preserve),
    /// Failover options that exclude each other.
    #[error("{0}")]
    Options(#[from] OptionsError),
}
