//! One change of the configuration: what a command plans, the slave holds as redo record, and both apply.
//!
//! Options travel in the words of the command line: their parser refuses what it does not know, by name.

use prost::Message;

use msm_proto::{LinkAction, RecoveryLevel, SlaveConfig};

use super::mac::Mac;
use super::options;

/// A change. A record without a body, or with one of a newer version, is refused.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Change {
    /// What is changed.
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9")]
    pub(crate) body: Option<Body>,
}

/// What is changed.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Body {
    /// `configure msm-failover slave-config`
    #[prost(string, tag = "1")]
    SlaveConfig(String),
    /// `configure msm-failover link-action`
    #[prost(string, tag = "2")]
    LinkAction(String),
    /// `configure msm-failover timeout`, seconds
    #[prost(uint32, tag = "3")]
    Timeout(u32),
    /// `unconfigure msm-failover`
    #[prost(message, tag = "4")]
    UnconfigureFailover(Nothing),
    /// `configure sys-recovery-level`
    #[prost(string, tag = "5")]
    Recovery(String),
    /// `configure fdb agingtime`, seconds, 0 = never
    #[prost(uint32, tag = "6")]
    AgingTime(u32),
    /// `configure snmp sysName`
    #[prost(string, tag = "7")]
    SysName(String),
    /// `create fdbentry ... blackhole`
    #[prost(message, tag = "8")]
    CreateBlackhole(Station),
    /// `delete fdbentry`
    #[prost(message, tag = "9")]
    DeleteEntry(Station),
}

/// No argument.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Nothing {}

/// A station of a VLAN.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Station {
    /// Six bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) mac: Vec<u8>,
    /// VLAN id, 1 to 4094.
    #[prost(uint32, tag = "2")]
    pub(crate) vid: u32,
}

impl Station {
    fn new(mac: Mac, vid: u16) -> Self {
        Self { mac: mac.0.to_vec(), vid: u32::from(vid) }
    }

    /// The station, if it can be one.
    pub(crate) fn read(&self) -> Result<(Mac, u16), String> {
        let mac = <[u8; 6]>::try_from(self.mac.as_slice())
            .map(Mac)
            .map_err(|_| format!("a station address of {} bytes; 6 are one", self.mac.len()))?;
        let vid = u16::try_from(self.vid).ok().filter(|vid| (1..=4094).contains(vid));
        match vid {
            Some(vid) if mac.is_station() => Ok((mac, vid)),
            Some(_) => Err(format!("{mac} is no station's address")),
            None => Err(format!("VLAN id {} is out of range; 1 to 4094", self.vid)),
        }
    }
}

impl Change {
    fn of(body: Body) -> Self {
        Self { body: Some(body) }
    }

    /// `configure msm-failover slave-config`
    pub(crate) fn slave_config(source: SlaveConfig) -> Self {
        Self::of(Body::SlaveConfig(source.to_string()))
    }

    /// `configure msm-failover link-action`
    pub(crate) fn link_action(action: LinkAction) -> Self {
        Self::of(Body::LinkAction(options::link_action_text(action)))
    }

    /// `configure msm-failover timeout`
    pub(crate) fn timeout(seconds: u32) -> Self {
        Self::of(Body::Timeout(seconds))
    }

    /// `unconfigure msm-failover`
    pub(crate) fn unconfigure_failover() -> Self {
        Self::of(Body::UnconfigureFailover(Nothing {}))
    }

    /// `configure sys-recovery-level`
    pub(crate) fn recovery(level: RecoveryLevel) -> Self {
        Self::of(Body::Recovery(level.to_string()))
    }

    /// `configure fdb agingtime`
    pub(crate) fn aging_time(seconds: u32) -> Self {
        Self::of(Body::AgingTime(seconds))
    }

    /// `configure snmp sysName`
    pub(crate) fn sys_name(name: String) -> Self {
        Self::of(Body::SysName(name))
    }

    /// `create fdbentry ... blackhole`
    pub(crate) fn create_blackhole(mac: Mac, vid: u16) -> Self {
        Self::of(Body::CreateBlackhole(Station::new(mac, vid)))
    }

    /// `delete fdbentry`
    pub(crate) fn delete_entry(mac: Mac, vid: u16) -> Self {
        Self::of(Body::DeleteEntry(Station::new(mac, vid)))
    }

    /// Reads a record.
    pub(crate) fn read(record: &[u8]) -> Result<Self, String> {
        let change = Self::decode(record).map_err(|e| format!("a record that cannot be read: {e}"))?;
        match change.body {
            Some(_) => Ok(change),
            None => Err("a record of a kind that this version does not know".to_owned()),
        }
    }
}
