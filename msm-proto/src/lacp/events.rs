//! What can happen to LACP, and what it wants done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::packet::Pdu;

/// A port, numbered by the caller from 0; on the wire from 1.
pub type Port = u16;

/// One group: ports that may become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupConfig {
    /// Its ports.
    pub ports: BTreeSet<Port>,
    /// Speaks first.
    pub active: bool,
    /// The partner is to speak every second, and is gone after three.
    pub short: bool,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Priority of this system.
    pub priority: u16,
    /// Its address; frames are sent from it.
    pub system: [u8; 6],
    /// Groups by key, from 1. A port is in one at most.
    pub groups: BTreeMap<u16, GroupConfig>,
}

/// What can happen. A run is a list of these with their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// This is configured from now on.
    Config(Config),
    /// These ports, and no others, can carry frames.
    Links(BTreeSet<Port>),
    /// A frame came.
    Pdu {
        /// By this port.
        port: Port,
        /// This.
        pdu: Pdu,
    },
    /// The time of [`super::Lacp::deadline`] has come.
    Tick,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Whoever may take over is to know this before anything after it is done. For [`super::Lacp::resume`].
    Replicate(Vec<u8>),
    /// Frames that come in by these ports are taken, and by no others, from now on; LACP's own are at all times.
    Collect(BTreeSet<Port>),
    /// Frames leave by these ports, and no others, from now on.
    Distribute(BTreeSet<Port>),
    /// Send this frame.
    Send {
        /// By this port.
        port: Port,
        /// Without FCS.
        frame: Vec<u8>,
    },
}
