//! Names to addresses, asked of the servers that are configured here and of nobody else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;

use super::TransferError;

/// Where name servers listen.
const PORT: u16 = 53;
/// One question to one server, and how often it is put.
const TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// The whole, whatever the number of servers, domains and record types.
const TOTAL: Duration = Duration::from_secs(15);
/// RFC 1035 2.3.4, as text.
const NAME_MAX: usize = 253;

/// The address of `host`: itself if it is one, otherwise what `servers` say, IPv4 first. A name without a final dot is
/// also looked for below `domain`.
///
/// # Errors
/// Every [`TransferError`] about names.
pub(crate) async fn resolve(
    host: &str,
    servers: &[IpAddr],
    domain: Option<&str>,
) -> Result<IpAddr, TransferError> {
    let servers: Vec<_> = servers.iter().map(|server| SocketAddr::new(*server, PORT)).collect();
    resolve_at(host, &servers, domain).await
}

/// The same with servers that listen elsewhere: tests have no port 53.
pub(super) async fn resolve_at(
    host: &str,
    servers: &[SocketAddr],
    domain: Option<&str>,
) -> Result<IpAddr, TransferError> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let name = name(host)?;
    let domain = domain.map(self::name).transpose()?;
    if servers.is_empty() {
        return Err(TransferError::NoServers(host.to_owned()));
    }
    let addresses = || -> Box<[IpAddr]> { servers.iter().map(SocketAddr::ip).collect() };
    let failed =
        |why: String| TransferError::NameServers { host: host.into(), servers: addresses(), why: why.into() };
    let unknown = || TransferError::UnknownName { host: host.into(), servers: addresses() };

    let config = ResolverConfig::from_parts(domain, Vec::new(), servers.iter().map(name_server).collect());
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    let resolver = builder.build().map_err(|error| failed(error.to_string()))?;
    match tokio::time::timeout(TOTAL, resolver.lookup_ip(name)).await {
        Ok(Ok(found)) => found.iter().next().ok_or_else(unknown),
        Ok(Err(error)) if error.is_nx_domain() || error.is_no_records_found() => Err(unknown()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer in {} s", TOTAL.as_secs()))),
    }
}

fn name_server(at: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = at.port();
        connection
    });
    NameServerConfig::new(at.ip(), true, connections.to_vec())
}

fn name(host: &str) -> Result<Name, TransferError> {
    let bad = || TransferError::BadName(host.chars().take(NAME_MAX).collect());
    let lawful = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if host.is_empty() || host.len() > NAME_MAX || !host.chars().all(lawful) {
        return Err(bad());
    }
    Name::from_ascii(host).map_err(|_| bad())
}
