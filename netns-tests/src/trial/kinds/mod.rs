//! Kinds of traffic beside plain switching: each with its configuration, its streams, and the reason why it cannot be measured, if so.

mod commands;
mod moves;
mod route;
mod streams;

use std::fmt;

use anyhow::Result;

pub(super) use self::moves::Moves;
pub(super) use self::route::{Change, Reroute};
use crate::bed::{BedError, HostSpec, Testbed};
use crate::probe::StreamSpec;
use crate::report::schema::Missing;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Frames with a tag, and frames that get or lose one.
    Tagged,
    /// Frames to and from a load-sharing group.
    Shared,
    /// Frames that an access list permits, and frames that it denies.
    AccessList,
    /// A station that moves when the event happens.
    Moving,
    /// Packets of IPv4, between two VLANs.
    RoutedIpv4,
    /// Packets of IPv6, between two VLANs.
    RoutedIpv6,
    /// Packets whose route changes when the event happens.
    Rerouted,
}

impl Kind {
    /// In the order in which they are configured.
    pub(super) const ALL: [Self; 7] = [
        Self::Tagged,
        Self::Shared,
        Self::AccessList,
        Self::Moving,
        Self::RoutedIpv4,
        Self::RoutedIpv6,
        Self::Rerouted,
    ];

    /// As the report names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tagged => "tagged",
            Self::Shared => "shared",
            Self::AccessList => "access list",
            Self::Moving => "moving station",
            Self::RoutedIpv4 => "routed IPv4",
            Self::RoutedIpv6 => "routed IPv6",
            Self::Rerouted => "changed route",
        }
    }

    /// Its streams.
    pub(super) fn streams(self) -> Vec<StreamSpec> {
        streams::of(self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Name of what every bed carries.
pub(super) const SWITCHED: &str = "switched";

/// The kind that a stream belongs to, by its name.
pub(super) fn of_stream(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.streams().iter().any(|stream| stream.name == name))
}

/// Hosts of a bed for all kinds: h5 and h6 are the two ends of a group, h7 and h8 are in VLANs of their own, h9 is where a station goes.
pub(super) fn hosts() -> Vec<HostSpec> {
    let ports = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (1, 4), (2, 4), (1, 5)];
    (1..).zip(ports).map(|(number, (slot, port))| HostSpec::new(number, slot, port)).collect()
}

/// Configures all kinds; those that the switch refuses are missing, with what it says.
///
/// # Errors
/// No answer from the switch.
pub(super) fn configure(bed: &Testbed) -> Result<(Vec<Kind>, Vec<Missing>)> {
    let mut cli = bed.cli()?;
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let refused = commands::of(kind).iter().find_map(|command| match cli.run(command) {
            Ok(_) => None,
            Err(error @ BedError::Refused { .. }) => Some(Ok(error.to_string())),
            Err(error) => Some(Err(error)),
        });
        match refused.transpose()? {
            None => there.push(kind),
            Some(reason) => missing.push(Missing { kind: kind.name().to_owned(), reason }),
        }
    }
    Ok((there, missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_one_kind() {
        for kind in Kind::ALL {
            assert!(!kind.streams().is_empty());
            assert!(kind.streams().iter().all(|stream| of_stream(&stream.name) == Some(kind)), "{kind}");
        }
        assert_eq!(of_stream("h1-h3"), None);
    }

    #[test]
    fn streams_of_two_directions_never_meet_in_a_ring() {
        // Else one CPU would send both of the streams between modules: see `probe::plan::by_cpu`.
        let sends = |name: &str| matches!(name, "h1" | "h4" | "h7");
        for stream in Kind::ALL.into_iter().flat_map(Kind::streams) {
            let group = sends(&stream.from);
            let receives =
                if group { ["h3", "h5", "h6", "h7", "h8", "h9"].as_slice() } else { &["h1", "h4"] };
            assert!(receives.contains(&stream.to.as_str()), "{stream:?}");
            assert!(stream.shape.second.is_none_or(|second| receives.contains(&second.host.as_str())));
            assert!(stream.shape.from_later.is_none_or(|host| sends(&host) == group));
        }
    }
}
