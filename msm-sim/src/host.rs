//! The process around a machine, as far as the machine can tell: a configuration, and effects that take time.

use std::collections::BTreeMap;

use msm_proto::{CommandId, Input, Machine, Options, Time, backplane::Fabric};

use crate::{tree::Instance, truth::Truth};

/// A configuration: the commands that made it, in order.
pub(crate) type Config = Vec<CommandId>;

pub(crate) struct Process {
    pub(crate) instance: Instance,
    pub(crate) pid: u32,
    pub(crate) machine: Machine,
    pub(crate) config: Config,
    /// Inputs so far, for the replay.
    pub(crate) inputs: Vec<(Time, Input)>,
    pub(crate) outputs: Vec<msm_proto::Output>,
    /// Nothing is delivered before.
    pub(crate) paused_until: u64,
    /// When the last effect begun is carried out, and how many have no result yet.
    pub(crate) effects_until: u64,
    pub(crate) effects: u64,
    /// Link sessions: own number, instance of the peer.
    pub(crate) sessions: Vec<(u64, Instance)>,
    /// Options that were last answered as in force.
    pub(crate) acknowledged: Options,
    /// Options that it was asked for, and has not answered.
    pub(crate) asked: BTreeMap<CommandId, Options>,
    /// It is master and has begun to serve.
    pub(crate) serves: bool,
    /// Its machine knows that it serves.
    pub(crate) began: bool,
    /// chassis.sock is connected.
    pub(crate) connected: bool,
    /// Its self test has begun.
    pub(crate) tested: bool,
    /// What the backplane said last of fabrics.
    pub(crate) fabrics: Option<[Fabric; 4]>,
    pub(crate) truth: Truth,
}

impl Process {
    pub(crate) fn new(instance: Instance, pid: u32, machine: Machine, options: Options) -> Self {
        Self {
            instance,
            pid,
            machine,
            config: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            paused_until: 0,
            effects_until: 0,
            effects: 0,
            sessions: Vec::new(),
            acknowledged: options,
            asked: BTreeMap::new(),
            serves: false,
            began: false,
            connected: false,
            tested: false,
            fabrics: None,
            truth: Truth::default(),
        }
    }

    /// Whether its run is recorded and replayed at its end: one of eight pays for it.
    pub(crate) fn is_replayed(&self) -> bool {
        self.instance.is_multiple_of(8)
    }

    /// An input has come; if it is the result of an effect, there is one less to come.
    pub(crate) fn came(&mut self, input: &Input) {
        let result = matches!(
            input,
            Input::Observed { .. }
                | Input::Owned(_)
                | Input::Released { .. }
                | Input::Serving
                | Input::Applied { .. }
                | Input::Snapshot { .. }
                | Input::Loaded(_)
                | Input::FlashStored(_)
                | Input::HardwareChecked(_)
                | Input::Items { .. }
        );
        self.began |= matches!(input, Input::Serving);
        self.effects -= u64::from(result && self.effects > 0);
    }
}

/// Commands with this bit have a record that is larger than one message.
pub(crate) const LARGE: u64 = 1 << 39;
/// Bytes of their record: three messages.
pub(crate) const LARGE_BYTES: usize = 132_000;

/// Ids with this bit are of `synchronize`.
pub(crate) const SYNC: u64 = 1 << 38;
/// Bytes of a flash: more pieces than a window.
pub(crate) const FLASH_BYTES: usize = 330_000;

/// What `synchronize` sends: its id over and over.
pub(crate) fn flash(id: CommandId) -> Vec<u8> {
    id.0.to_le_bytes().repeat(FLASH_BYTES / 8)
}

/// The record of a command: its id, or, for a large one, its id over and over.
pub(crate) fn record(id: CommandId) -> Vec<u8> {
    let times = if id.0 & LARGE == 0 { 1 } else { LARGE_BYTES / 8 };
    id.0.to_le_bytes().repeat(times)
}

/// The command of a record; `None` if it is not whole.
pub(crate) fn whole(record: &[u8]) -> Option<CommandId> {
    let id = CommandId(u64::from_le_bytes(*record.first_chunk()?));
    (record == self::record(id)).then_some(id)
}

pub(crate) fn encode(config: &Config) -> Vec<u8> {
    config.iter().flat_map(|id| id.0.to_le_bytes()).collect()
}

pub(crate) fn decode(bytes: &[u8]) -> Config {
    let whole = bytes.as_chunks::<8>().0;
    whole.iter().map(|id| CommandId(u64::from_le_bytes(*id))).collect()
}

/// Commands from here on panic when they are applied.
pub(crate) const PANICS: u64 = 1 << 40;
/// Commands from here on end the process when they are applied, and nothing can catch it.
pub(crate) const ENDS: u64 = 1 << 41;

/// Whether a command fails when it is applied: a tenth do.
pub(crate) fn fails(id: CommandId) -> bool {
    id.0 % 10 == 7
}

/// Whether applying a command ends the process: a panic of a redo is caught.
pub(crate) fn kills(id: CommandId, redo: bool) -> bool {
    id.0 >= ENDS || id.0 >= PANICS && !redo
}
