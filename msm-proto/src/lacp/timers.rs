//! Times of LACP (IEEE 802.1AX-2014 6.4.4).

use std::time::Duration;

/// Fast_Periodic_Time
pub(super) const FAST: Duration = Duration::from_secs(1);
/// Slow_Periodic_Time
pub(super) const SLOW: Duration = Duration::from_secs(30);
/// Short_Timeout_Time
pub(super) const SHORT: Duration = Duration::from_secs(3);
/// Long_Timeout_Time
pub(super) const LONG: Duration = Duration::from_secs(90);
/// Aggregate_Wait_Time: ports that come together are put together.
pub(super) const WAIT: Duration = Duration::from_secs(2);
/// LACPDUs that a port sends in [`FAST`] at most (6.4.16).
pub(super) const BURST: usize = 3;
