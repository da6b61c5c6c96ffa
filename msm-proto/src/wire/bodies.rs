//! Bodies that several messages share, version 1.

use std::time::Duration;

use prost::Message as _;

use super::{Of, cut, numbers::Numbered as _};
use crate::{
    envelope::DecodeError,
    message::{Record, Snapshot, Standing},
    options::Options,
    roles::{CommandId, History, Identity, Outcome, Stamps},
    slot::OwnerName,
    time::Time,
};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireName {
    #[prost(uint32, optional, tag = "1")]
    slot: Option<u32>,
    #[prost(uint64, optional, tag = "2")]
    epoch: Option<u64>,
}

impl WireName {
    pub(super) fn new(name: OwnerName) -> Self {
        Self { slot: Some(name.slot.code()), epoch: Some(name.epoch) }
    }

    pub(super) fn read(self, of: Of) -> Result<OwnerName, DecodeError> {
        Ok(OwnerName {
            slot: of.one_of("owner slot", self.slot)?,
            epoch: of.some("owner epoch", self.epoch.filter(|epoch| *epoch != 0))?,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireIdentity {
    #[prost(uint32, optional, tag = "1")]
    slot: Option<u32>,
    #[prost(uint64, optional, tag = "2")]
    instance: Option<u64>,
    #[prost(uint32, optional, tag = "3")]
    pid: Option<u32>,
    #[prost(string, tag = "4")]
    version: String,
    #[prost(string, tag = "5")]
    image: String,
}

impl WireIdentity {
    pub(super) fn new(from: &Identity) -> Self {
        Self {
            slot: Some(from.slot.code()),
            instance: Some(from.instance),
            pid: Some(from.pid),
            version: cut(from.version.clone()),
            image: cut(from.image.clone()),
        }
    }

    pub(super) fn read(self, of: Of) -> Result<Identity, DecodeError> {
        Ok(Identity {
            slot: of.one_of("slot", self.slot)?,
            instance: of.some("instance", self.instance)?,
            pid: of.some("pid", self.pid)?,
            version: self.version,
            image: self.image,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireOptions {
    #[prost(uint32, optional, tag = "1")]
    recovery: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    link_action: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    slave_config: Option<u32>,
    #[prost(uint64, optional, tag = "4")]
    timeout_ms: Option<u64>,
    #[prost(uint32, optional, tag = "5")]
    esrp: Option<u32>,
    #[prost(uint64, optional, tag = "6")]
    reelect_ms: Option<u64>,
    #[prost(uint64, optional, tag = "7")]
    watchdog_ms: Option<u64>,
    #[prost(uint64, optional, tag = "8")]
    keepalive_ms: Option<u64>,
    #[prost(uint32, optional, tag = "9")]
    routing: Option<u32>,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl WireOptions {
    pub(super) fn new(from: &Options) -> Self {
        Self {
            recovery: Some(from.recovery.code()),
            link_action: Some(from.link_action.code()),
            slave_config: Some(from.slave_config.code()),
            timeout_ms: Some(millis(from.timeout)),
            esrp: Some(from.esrp.code()),
            reelect_ms: Some(millis(from.reelect)),
            watchdog_ms: Some(millis(from.watchdog)),
            keepalive_ms: Some(millis(from.keepalive)),
            routing: Some(from.routing.code()),
        }
    }

    pub(super) fn read(self, of: Of) -> Result<Options, DecodeError> {
        let options = Options {
            recovery: of.one_of("recovery level", self.recovery)?,
            link_action: of.one_of("link action", self.link_action)?,
            slave_config: of.one_of("slave config", self.slave_config)?,
            timeout: Duration::from_millis(of.some("timeout", self.timeout_ms)?),
            esrp: of.one_of("esrp failover mode", self.esrp)?,
            reelect: Duration::from_millis(of.some("reelect", self.reelect_ms)?),
            watchdog: Duration::from_millis(of.some("watchdog", self.watchdog_ms)?),
            keepalive: Duration::from_millis(of.some("keepalive", self.keepalive_ms)?),
            routing: of.one_of("routing", self.routing)?,
        };
        options.validate().map_err(|_| DecodeError::Field { what: of.0, field: "options" })?;
        Ok(options)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireHistory {
    #[prost(uint64, optional, tag = "1")]
    failovers: Option<u64>,
    #[prost(uint32, optional, tag = "2")]
    cause: Option<u32>,
    /// Event, detected, committed, serving; or nothing.
    #[prost(uint64, repeated, tag = "3")]
    stamps: Vec<u64>,
}

impl WireHistory {
    pub(super) fn new(from: &History) -> Self {
        let stamps = from.last.map(|s| vec![s.event_ns.0, s.detected_ns.0, s.committed_ns.0, s.serving_ns.0]);
        Self {
            failovers: Some(from.failovers),
            cause: Some(from.cause.code()),
            stamps: stamps.unwrap_or_default(),
        }
    }

    pub(super) fn read(self, of: Of) -> Result<History, DecodeError> {
        let last = match *self.stamps {
            [] => None,
            [event, detected, committed, serving] => Some(Stamps {
                event_ns: Time(event),
                detected_ns: Time(detected),
                committed_ns: Time(committed),
                serving_ns: Time(serving),
            }),
            _ => return Err(DecodeError::Field { what: of.0, field: "stamps" }),
        };
        Ok(History {
            failovers: of.some("failovers", self.failovers)?,
            cause: of.one_of("cause", self.cause)?,
            last,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireOutcome {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(bool, optional, tag = "2")]
    done: Option<bool>,
    #[prost(string, tag = "3")]
    text: String,
}

impl WireOutcome {
    pub(super) fn new(id: Option<CommandId>, from: &Outcome) -> Self {
        let (done, text) = match from {
            Outcome::Done(text) => (true, text),
            Outcome::Failed(text) => (false, text),
        };
        Self { id: id.map(|id| id.0), done: Some(done), text: cut(text.clone()) }
    }

    pub(super) fn read(self, of: Of) -> Result<Outcome, DecodeError> {
        Ok(if of.some("done", self.done)? { Outcome::Done(self.text) } else { Outcome::Failed(self.text) })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireRecord {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    generation: Option<u64>,
    #[prost(bytes = "vec", optional, tag = "3")]
    bytes: Option<Vec<u8>>,
    #[prost(message, optional, tag = "4")]
    options: Option<WireOptions>,
}

impl WireRecord {
    pub(super) fn new(from: &Record) -> Self {
        Self {
            id: Some(from.id.0),
            generation: Some(from.generation),
            bytes: Some(from.bytes.clone()),
            options: from.options.as_ref().map(WireOptions::new),
        }
    }

    pub(super) fn read(self, of: Of) -> Result<Record, DecodeError> {
        Ok(Record {
            id: CommandId(of.some("id", self.id)?),
            generation: of.some("generation", self.generation)?,
            bytes: of.some("record", self.bytes)?,
            options: self.options.map(|options| options.read(of)).transpose()?,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct WireRow {
    #[prost(uint32, optional, tag = "1")]
    subsystem: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    state: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    reason: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireStanding {
    #[prost(message, optional, tag = "1")]
    options: Option<WireOptions>,
    #[prost(message, optional, tag = "2")]
    history: Option<WireHistory>,
    #[prost(bool, optional, tag = "3")]
    ready: Option<bool>,
    #[prost(message, repeated, tag = "4")]
    rows: Vec<WireRow>,
}

impl WireStanding {
    pub(super) fn new(from: &Standing) -> Self {
        let rows = from.subsystems.iter().map(|(subsystem, state, reason)| WireRow {
            subsystem: Some(subsystem.code()),
            state: Some(state.code()),
            reason: Some(reason.code()),
        });
        Self {
            options: Some(WireOptions::new(&from.options)),
            history: Some(WireHistory::new(&from.history)),
            ready: Some(from.ready),
            rows: rows.collect(),
        }
    }

    pub(super) fn read(self, of: Of) -> Result<Standing, DecodeError> {
        let rows = self.rows.into_iter().map(|row| {
            Ok((
                of.one_of("subsystem", row.subsystem)?,
                of.one_of("state", row.state)?,
                of.one_of("reason", row.reason)?,
            ))
        });
        Ok(Standing {
            options: of.some("options", self.options)?.read(of)?,
            history: of.some("history", self.history)?.read(of)?,
            ready: of.some("ready", self.ready)?,
            subsystems: rows.collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct WireSnapshot {
    #[prost(uint64, optional, tag = "1")]
    generation: Option<u64>,
    #[prost(message, optional, tag = "2")]
    options: Option<WireOptions>,
    #[prost(message, repeated, tag = "3")]
    outcomes: Vec<WireOutcome>,
    #[prost(bytes = "vec", optional, tag = "4")]
    configuration: Option<Vec<u8>>,
}

impl Snapshot {
    /// Bytes, to be cut into chunks.
    pub(crate) fn encode(self) -> Vec<u8> {
        let outcomes = self.outcomes.iter().map(|(id, outcome)| WireOutcome::new(Some(*id), outcome));
        WireSnapshot {
            generation: Some(self.generation),
            options: Some(WireOptions::new(&self.options)),
            outcomes: outcomes.collect(),
            configuration: Some(self.configuration),
        }
        .encode_to_vec()
    }

    /// The chunks, put together.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let of = Of("snapshot");
        let wire: WireSnapshot = of.body(bytes)?;
        let outcomes = wire.outcomes.into_iter().map(|outcome| {
            let id = of.some("id", outcome.id)?;
            Ok((CommandId(id), outcome.read(of)?))
        });
        Ok(Self {
            generation: of.some("generation", wire.generation)?,
            options: of.some("options", wire.options)?.read(of)?,
            outcomes: outcomes.collect::<Result<_, _>>()?,
            configuration: of.some("configuration", wire.configuration)?,
        })
    }
}
