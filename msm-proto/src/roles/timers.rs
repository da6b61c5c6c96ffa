//! How long anything may take. No state of the machine is without an end.

use std::time::Duration;

use crate::options::Options;

/// A booting MSM that hears nobody takes the tree after this: the one that goes first, and the other, which leaves it time.
pub(super) const fn election(first: bool) -> Duration {
    Duration::from_millis(if first { 100 } else { 400 })
}

/// For a peer that says it is taking the tree: several takeovers long.
pub(super) const DEFER: Duration = Duration::from_secs(2);
/// For the slave that META calls ready and that has not spoken: it has the unsaved configuration.
pub(super) const HEIR: Duration = Duration::from_secs(1);
/// Between two attempts to take a tree whose owner is gone.
pub(super) const RETRY: Duration = Duration::from_millis(2);
/// Attempts. A lock that outlives its proven-dead owner is held by a child that is about to go.
pub(super) const RETRIES: u32 = 25;
/// An orphan leaves the tree this long to the MSM that boots again.
pub(super) const ORPHAN: Duration = Duration::from_secs(3);
/// From the proof of the master's death to the end of file of its link: what it still said is read first.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(5);
/// A slave without its master, but without proof of its death, says so after this.
pub(super) const LOST: Duration = Duration::from_secs(1);

/// The slave's acknowledgement of a record (DESIGN.md law 5).
pub(super) const ACK: Duration = Duration::from_millis(200);
/// One step of a snapshot's transfer.
pub(super) const TRANSFER: Duration = Duration::from_secs(2);
/// From `synchronize` to the word that the slave has stored it.
pub(super) const PARCEL: Duration = Duration::from_secs(10);
/// A demoted slave asks again after this: at once, a slow slave would stall a command in every round.
pub(super) const RESYNC: Duration = Duration::from_millis(500);

/// Commands in flight when a handover begins.
pub(super) const DRAIN: Duration = Duration::from_secs(1);
/// From the release of the tree to the word that it was taken.
pub(super) const COMMIT: Duration = Duration::from_millis(500);

/// Between keepalives: ten of them in the time after which their lack means something, since a busy machine schedules late.
pub(super) fn between_keepalives(options: &Options) -> Duration {
    (options.keepalive / 10).clamp(Duration::from_millis(10), Duration::from_secs(1))
}

/// A deadline that is missed by more than this was missed because this process did not run: what the peer said waits in its sockets.
pub(super) const LATE: Duration = Duration::from_millis(50);
/// From the backplane's notice to the death that it announces.
pub(super) const FATE: Duration = Duration::from_secs(5);
/// How long a subsystem's transfer waits for the link to come back.
pub(super) const RESUME: Duration = Duration::from_secs(5);
