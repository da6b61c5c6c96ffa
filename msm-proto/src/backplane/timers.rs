//! How long anything may take. No state of the machine is without an end.

use std::time::Duration;

/// From a notice to the kill that it announces, if nobody acknowledges it.
pub(super) const NOTICE: Duration = Duration::from_millis(50);
/// A killed process that is not dead after this is killed again: it sleeps where no signal comes.
pub(super) const KILL: Duration = Duration::from_secs(1);
/// For the result of a start.
pub(super) const START: Duration = Duration::from_secs(10);
/// A master that is suspected answers a ping within a fifth of the keepalive time, and within this.
pub(super) const PONG: Duration = Duration::from_millis(100);
/// A deadline that is missed by more than this was missed because this process did not run: kicks wait in its sockets.
pub(super) const LATE: Duration = Duration::from_millis(50);
/// One that is missed by more than this: what waits in the sockets is read first.
pub(super) const SOON: Duration = Duration::from_millis(2);
/// So long: an event loop reads all of it in less.
pub(super) const DRAIN: Duration = Duration::from_millis(10);
/// For the hello of an MSM that runs, to a backplane that was started again.
pub(super) const HELLO: Duration = Duration::from_secs(1);
