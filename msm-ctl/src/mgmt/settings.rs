//! What the configuration says about the log, brought to it whenever it changes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use msm_config::Config;
use msm_config::model::{Dns, Log as LogSettings};
use tokio::sync::watch;
use tracing::warn;

use super::log::{Levels, Log, SyslogHost};
use crate::msm::board::Board;

/// After this time a host whose name could not be resolved is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// Follows the board for as long as there is one.
pub(crate) async fn follow(mut board: watch::Receiver<Arc<Board>>, log: Log) {
    let mut known: Option<(Arc<LogSettings>, Arc<Dns>)> = None;
    loop {
        let shown = board.borrow_and_update().clone();
        let config = &shown.config.config;
        log.set_name(&config.system.name, shown.status.role.name());
        let mut unresolved = false;
        if known.as_ref().is_none_or(|(log, dns)| *log != config.log || *dns != config.dns) {
            log.set_memory(config.log.lines as usize);
            log.set_levels(Levels { memory_buffer: config.log.memory, nvram: config.log.nvram });
            let (hosts, missing) = syslog_hosts(config).await;
            log.set_syslog(hosts);
            unresolved = missing;
            known = (!missing).then(|| (Arc::clone(&config.log), Arc::clone(&config.dns)));
        }
        let changed = if unresolved {
            tokio::time::timeout(RETRY, board.changed()).await.unwrap_or(Ok(()))
        } else {
            board.changed().await
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Hosts by address; true if a name could not be resolved.
async fn syslog_hosts(config: &Config) -> (Vec<SyslogHost>, bool) {
    let mut hosts = Vec::new();
    let mut missing = false;
    if config.log.syslog {
        for (name, host) in &config.log.hosts {
            match address(name, &config.dns).await {
                Ok(address) => hosts.push(SyslogHost {
                    address: SocketAddr::new(address, host.port),
                    facility: host.facility,
                    severity: host.severity,
                }),
                Err(why) => {
                    missing = true;
                    warn!(target: "msm.syslog", "{name}: {why}; tried again in {} s", RETRY.as_secs());
                }
            }
        }
    }
    (hosts, missing)
}

/// The address of a host, by the configured name servers.
async fn address(host: &str, dns: &Dns) -> Result<IpAddr, String> {
    let servers: Vec<IpAddr> = dns.servers.iter().map(|server| IpAddr::V4(*server)).collect();
    super::transfer::resolve::resolve(host, &servers, dns.domain.as_deref()).await.map_err(|e| e.to_string())
}
