//! How often a flow may change where it arrives.

use super::Kind;

/// Least and most changes of each flow of a stream, in a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::trial) struct Moves {
    /// Fewer: what was to move did not.
    pub(in crate::trial) least: u32,
    /// More: a flow went to and fro.
    pub(in crate::trial) most: u32,
}

impl Moves {
    /// Of a stream.
    pub(in crate::trial) fn of(stream: &str) -> Self {
        match (super::of_stream(stream), stream) {
            (Some(Kind::Moving), "to a moving station") => Self { least: 1, most: 1 },
            // There before the event, and back with it.
            (Some(Kind::Rerouted), _) => Self { least: 2, most: 2 },
            _ => Self::default(),
        }
    }
}
