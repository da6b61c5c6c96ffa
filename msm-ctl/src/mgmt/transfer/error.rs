//! Why a file did not get here or there.

use std::io;
use std::net::{IpAddr, SocketAddr};

use msm_proto::tftp::TftpError;

/// What failed, for whom, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The protocol ended without the file.
    #[error("{doing} \"{file}\" by TFTP, server {server}: {source}")]
    Tftp {
        /// `reading` or `writing`.
        doing: &'static str,
        /// Name of the file at the server.
        file: Box<str>,
        /// Where requests go.
        server: SocketAddr,
        /// Why.
        source: Box<TftpError>,
    },
    /// The host could not send or receive.
    #[error(
        "{doing} \"{file}\" by TFTP, server {server}: {source}; see that VLAN Mgmt has an address and a route there"
    )]
    Network {
        /// `reading` or `writing`.
        doing: &'static str,
        /// Name of the file at the server.
        file: Box<str>,
        /// Where requests go.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No text that could be a name.
    #[error("\"{0}\" is neither an address nor a host name; give one such as 10.0.0.1 or tftp.example.com")]
    BadName(String),
    /// A name, and nobody to ask.
    #[error(
        "the name \"{0}\" cannot be resolved without a name server; `configure dns-client add <ip>`, or give an address"
    )]
    NoServers(String),
    /// The servers know no such name.
    #[error(
        "the name servers {servers:?} know no address of \"{host}\"; check the name and `show dns-client`"
    )]
    UnknownName {
        /// As asked for.
        host: Box<str>,
        /// Who was asked.
        servers: Box<[IpAddr]>,
    },
    /// No server gave an answer that could be used.
    #[error(
        "asking the name servers {servers:?} for \"{host}\": {why}; check that they can be reached, or give an address"
    )]
    NameServers {
        /// As asked for.
        host: Box<str>,
        /// Who was asked.
        servers: Box<[IpAddr]>,
        /// What came of it.
        why: Box<str>,
    },
}
