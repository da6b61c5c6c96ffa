//! Where names are resolved (`configure dns-client`).

use std::fmt;
use std::net::Ipv4Addr;

use super::{Refusal, render::Text};

/// Name servers at once: what resolvers ask.
const SERVERS_MAX: usize = 3;

/// The DNS client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Asked in this order.
    pub servers: Vec<Ipv4Addr>,
    /// Put behind a name without a dot.
    pub domain: Option<String>,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsChange {
    /// `configure dns-client add`
    Add(Ipv4Addr),
    /// `configure dns-client delete`
    Delete(Ipv4Addr),
    /// `configure dns-client default-domain`
    Domain(String),
    /// `unconfigure dns-client default-domain`
    NoDomain,
}

impl Dns {
    pub(super) fn apply(&mut self, change: &DnsChange) -> Result<(), Refusal> {
        match change {
            DnsChange::Add(server) => {
                if self.servers.contains(server) {
                    return Err(Refusal::ServerExists(*server));
                }
                if self.servers.len() == SERVERS_MAX {
                    return Err(Refusal::TooMany { what: "name servers", most: SERVERS_MAX });
                }
                self.servers.push(*server);
            }
            DnsChange::Delete(server) => {
                let at = self.servers.iter().position(|known| known == server);
                self.servers.remove(at.ok_or(Refusal::NoServer(*server))?);
            }
            DnsChange::Domain(domain) => self.domain = Some(domain.clone()),
            DnsChange::NoDomain => self.domain = None,
        }
        Ok(())
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("DNS Configuration");
        for server in &self.servers {
            out.line(&DnsChange::Add(*server));
        }
        if let Some(domain) = &self.domain {
            out.line(&DnsChange::Domain(domain.clone()));
        }
    }
}

impl fmt::Display for DnsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(server) => write!(f, "configure dns-client add {server}"),
            Self::Delete(server) => write!(f, "configure dns-client delete {server}"),
            Self::Domain(domain) => write!(f, "configure dns-client default-domain \"{domain}\""),
            Self::NoDomain => f.write_str("unconfigure dns-client default-domain"),
        }
    }
}
