//! `show accounts|session|memory|dns-client|syslog`

use serde::{Deserialize, Serialize};

/// `show accounts`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// By name.
    pub(crate) accounts: Vec<Account>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Name.
    pub(crate) name: String,
    /// `admin` or `user`.
    pub(crate) access: String,
    /// It has a password; without one it cannot log in over the network.
    pub(crate) password: bool,
}

/// `show session`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    /// The MSM that these are connected to.
    pub(crate) slot: String,
    /// In the order in which they connected.
    pub(crate) sessions: Vec<Session>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Number, never used again.
    pub(crate) number: u64,
    /// User, or uid.
    pub(crate) user: String,
    /// `local`
    pub(crate) from: String,
    /// Its process.
    pub(crate) pid: Option<i32>,
    /// `admin` or `user`.
    pub(crate) access: String,
    /// When it connected, UTC.
    pub(crate) since: String,
    /// Commands so far.
    pub(crate) commands: u64,
}

/// `show memory`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The MSM that answered.
    pub(crate) slot: String,
    /// Its process.
    pub(crate) pid: u32,
    /// In memory now.
    pub(crate) resident_kb: u64,
    /// Most that was.
    pub(crate) peak_kb: u64,
    /// Addresses in use.
    pub(crate) virtual_kb: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// Stations; null before there are tables.
    pub(crate) fdb: Option<Table>,
    /// VLANs.
    pub(crate) vlans: Table,
}

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Entries.
    pub(crate) used: u64,
    /// Room.
    pub(crate) capacity: u64,
}

/// `show dns-client`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dns {
    /// Asked in this order.
    pub(crate) servers: Vec<String>,
    /// Put behind a name without a dot.
    pub(crate) domain: Option<String>,
}

/// `show syslog`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Syslog {
    /// Lines are sent.
    pub(crate) enabled: bool,
    /// To these.
    pub(crate) hosts: Vec<SyslogHost>,
}

/// One syslog host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyslogHost {
    /// Address or name.
    pub(crate) host: String,
    /// UDP port.
    pub(crate) port: u16,
    /// `local0` to `local7`.
    pub(crate) facility: String,
    /// This bad or worse.
    pub(crate) severity: String,
}
