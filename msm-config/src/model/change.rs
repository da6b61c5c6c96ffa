//! One change of the configuration. Its text is the command that makes it: what is replicated, logged and saved.

use std::fmt;

use super::{
    AccessChange, AccountChange, BgpChange, CliChange, CpuChange, DnsChange, FailoverChange, FdbChange,
    HealthChange, LogChange, MirroringChange, OspfChange, PortsChange, RipChange, RoutingChange, Secret,
    SharingChange, SystemChange, VlanChange,
};

/// A change. `Display` gives its canonical command line, which parses to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Name, location, contact.
    System(SystemChange),
    /// Failover and recovery.
    Failover(FailoverChange),
    /// VLANs.
    Vlan(VlanChange),
    /// Load sharing.
    Sharing(SharingChange),
    /// Ports.
    Ports(PortsChange),
    /// Mirroring.
    Mirroring(MirroringChange),
    /// Control-plane protection.
    Cpu(CpuChange),
    /// The self test.
    Health(HealthChange),
    /// Stations.
    Fdb(FdbChange),
    /// Access lists.
    Access(AccessChange),
    /// Routing.
    Routing(RoutingChange),
    /// Accounts.
    Accounts(AccountChange),
    /// Log targets.
    Log(LogChange),
    /// DNS client.
    Dns(DnsChange),
    /// OSPF.
    Ospf(OspfChange),
    /// BGP.
    Bgp(BgpChange),
    /// RIP.
    Rip(RipChange),
    /// Command line.
    Cli(CliChange),
    /// `unconfigure switch {all}`: everything, with or without the accounts.
    Factory {
        /// The accounts too.
        accounts: bool,
    },
    /// `debug exception-in-command`: kills who applies it.
    Panic,
}

impl Change {
    /// The password in it, or its hash.
    pub fn secret(&mut self) -> Option<&mut Secret> {
        match self {
            Self::Accounts(
                AccountChange::Create { secret: Some(secret), .. } | AccountChange::Password { secret, .. },
            ) => Some(secret),
            _ => None,
        }
    }

    /// For the log: without anything secret.
    #[must_use]
    pub fn logged(&self) -> String {
        match self {
            Self::Accounts(change) => {
                let hidden = |secret: &Secret| match secret {
                    Secret::Plain(_) | Secret::Hash(_) => Secret::Plain(String::new()),
                };
                match change.clone() {
                    AccountChange::Create { access, name, secret } => {
                        let secret = secret.as_ref().map(hidden);
                        AccountChange::Create { access, name, secret }.to_string()
                    }
                    AccountChange::Password { name, secret } => {
                        AccountChange::Password { name, secret: hidden(&secret) }.to_string()
                    }
                    other @ (AccountChange::Access { .. } | AccountChange::Delete(_)) => other.to_string(),
                }
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(change) => change.fmt(f),
            Self::Failover(change) => change.fmt(f),
            Self::Vlan(change) => change.fmt(f),
            Self::Sharing(change) => change.fmt(f),
            Self::Ports(change) => change.fmt(f),
            Self::Mirroring(change) => change.fmt(f),
            Self::Cpu(change) => change.fmt(f),
            Self::Health(change) => change.fmt(f),
            Self::Fdb(change) => change.fmt(f),
            Self::Access(change) => change.fmt(f),
            Self::Routing(change) => change.fmt(f),
            Self::Accounts(change) => change.fmt(f),
            Self::Log(change) => change.fmt(f),
            Self::Dns(change) => change.fmt(f),
            Self::Ospf(change) => change.fmt(f),
            Self::Bgp(change) => change.fmt(f),
            Self::Rip(change) => change.fmt(f),
            Self::Cli(change) => change.fmt(f),
            Self::Factory { accounts: false } => f.write_str("unconfigure switch"),
            Self::Factory { accounts: true } => f.write_str("unconfigure switch all"),
            Self::Panic => f.write_str("debug exception-in-command"),
        }
    }
}
