//! The running configuration, and what a change makes of it. Pure: applying is somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use prost::Message;

use msm_proto::{EsrpFailoverMode, LinkAction, Options, SlaveConfig};

use super::change::{Body, Change};
use super::chassis::Chassis;
use super::mac::Mac;
use super::options;

/// FDB ageing time of the manual.
const AGING_DEFAULT_S: u32 = 300;
/// Static and blackhole entries that an operator may create: they are typed, and travel in one snapshot.
const STATIC_MAX: usize = 4096;

/// Everything that commands change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Failover options.
    pub(crate) options: Options,
    /// Name of the switch.
    pub(crate) sys_name: String,
    /// Age at which a learned station is forgotten; 0 = never.
    pub(crate) aging_s: u32,
    /// Stations to which frames are dropped, with their VLAN id.
    pub(crate) blackholes: BTreeSet<(Mac, u16)>,
    /// True since a command has changed what no flash holds.
    pub(crate) unsaved: bool,
}

impl Config {
    /// What the chassis file says.
    pub(crate) fn of(chassis: &Chassis) -> Self {
        Self {
            options: chassis.options,
            sys_name: chassis.name.clone(),
            aging_s: AGING_DEFAULT_S,
            blackholes: BTreeSet::new(),
            unsaved: false,
        }
    }

    /// The configuration after `change`.
    ///
    /// # Errors
    /// Why it cannot be made, and what to do first.
    pub(crate) fn with(&self, change: &Change) -> Result<Self, String> {
        let mut next = Self { unsaved: true, ..self.clone() };
        match change.body.as_ref().ok_or("an empty change")? {
            Body::SlaveConfig(text) => next.options.slave_config = options::parse_slave_config(text)?,
            Body::LinkAction(text) => next.options.link_action = options::parse_link_action(text)?,
            Body::Timeout(seconds) => next.options.timeout = Duration::from_secs(u64::from(*seconds)),
            Body::UnconfigureFailover(_) => {
                next.options = Options { recovery: next.options.recovery, ..Options::default() };
            }
            Body::Recovery(text) => next.options.recovery = options::parse_recovery(text)?,
            Body::AgingTime(seconds) => next.aging_s = *seconds,
            Body::SysName(name) => next.sys_name = name.clone(),
            Body::CreateBlackhole(station) => {
                next.blackholes.insert(station.read()?);
                if next.blackholes.len() > STATIC_MAX {
                    return Err(format!(
                        "there are {STATIC_MAX} entries, the most there can be; delete one first"
                    ));
                }
            }
            Body::DeleteEntry(station) => {
                let (mac, vid) = station.read()?;
                if !next.blackholes.remove(&(mac, vid)) {
                    return Err(format!("there is no static or blackhole entry {mac} in that VLAN"));
                }
            }
        }
        next.options.validate().map_err(|e| e.to_string())?;
        Ok(next)
    }

    /// The configuration as bytes, for the slave.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        Snapshot {
            recovery: Some(self.options.recovery.to_string()),
            link_action: Some(options::link_action_text(self.options.link_action)),
            slave_config: Some(self.options.slave_config.to_string()),
            timeout_s: u32::try_from(self.options.timeout.as_secs()).ok(),
            esrp_failover_mode: Some(self.options.esrp.to_string()),
            sys_name: Some(self.sys_name.clone()),
            aging_s: Some(self.aging_s),
            blackholes: self
                .blackholes
                .iter()
                .map(|(mac, vid)| {
                    let mut bytes = mac.0.to_vec();
                    bytes.extend(vid.to_be_bytes());
                    bytes
                })
                .collect(),
            unsaved: Some(self.unsaved),
        }
        .encode_to_vec()
    }

    /// Reads [`Self::snapshot`]. Nothing is guessed: a field that is missing or not understood is named.
    pub(crate) fn restore(bytes: &[u8]) -> Result<Self, String> {
        let from =
            Snapshot::decode(bytes).map_err(|e| format!("a configuration that cannot be read: {e}"))?;
        let missing = |name: &'static str| move || format!("a configuration without {name}");
        let link_action: LinkAction =
            options::parse_link_action(&from.link_action.ok_or_else(missing("link_action"))?)?;
        let slave_config: SlaveConfig =
            options::parse_slave_config(&from.slave_config.ok_or_else(missing("slave_config"))?)?;
        let esrp = match from.esrp_failover_mode.ok_or_else(missing("esrp_failover_mode"))?.as_str() {
            "none" => EsrpFailoverMode::None,
            other => return Err(format!("esrp-failover-mode \"{other}\" is not known here")),
        };
        let options = Options {
            recovery: options::parse_recovery(&from.recovery.ok_or_else(missing("recovery"))?)?,
            timeout: Duration::from_secs(u64::from(from.timeout_s.ok_or_else(missing("timeout_s"))?)),
            link_action,
            slave_config,
            esrp,
        };
        options.validate().map_err(|e| e.to_string())?;
        if from.blackholes.len() > STATIC_MAX {
            return Err(format!(
                "a configuration with {} static entries; at most {STATIC_MAX}",
                from.blackholes.len()
            ));
        }
        let blackholes = from.blackholes.iter().map(|bytes| station(bytes)).collect::<Result<_, _>>()?;
        Ok(Self {
            options,
            sys_name: from.sys_name.ok_or_else(missing("sys_name"))?,
            aging_s: from.aging_s.ok_or_else(missing("aging_s"))?,
            blackholes,
            unsaved: from.unsaved.unwrap_or(true),
        })
    }
}

fn station(bytes: &[u8]) -> Result<(Mac, u16), String> {
    match bytes {
        &[a, b, c, d, e, f, high, low] => Ok((Mac([a, b, c, d, e, f]), u16::from_be_bytes([high, low]))),
        _ => Err(format!("a configuration with a static entry of {} bytes; 8 are one", bytes.len())),
    }
}

/// [`Config`] on the wire.
#[derive(Clone, PartialEq, Eq, Message)]
struct Snapshot {
    #[prost(string, optional, tag = "1")]
    recovery: Option<String>,
    #[prost(string, optional, tag = "2")]
    link_action: Option<String>,
    #[prost(string, optional, tag = "3")]
    slave_config: Option<String>,
    #[prost(uint32, optional, tag = "4")]
    timeout_s: Option<u32>,
    #[prost(string, optional, tag = "5")]
    esrp_failover_mode: Option<String>,
    #[prost(string, optional, tag = "6")]
    sys_name: Option<String>,
    #[prost(uint32, optional, tag = "7")]
    aging_s: Option<u32>,
    /// MAC and VLAN id, big endian.
    #[prost(bytes = "vec", repeated, tag = "8")]
    blackholes: Vec<Vec<u8>>,
    #[prost(bool, optional, tag = "9")]
    unsaved: Option<bool>,
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
