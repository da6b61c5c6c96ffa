//! RFC 2889, 5.7, across a failover: addresses that were learned before it are known after it, or a monitor port sees frames to them.

use std::time::Duration;

use anyhow::{Context, Result};

use super::cause::Cause;
use super::observer::Observer;
use super::strike::strike;
use super::{READY, Rig};
use crate::probe::{Probe, StreamSpec};
use crate::report::rfc::Caching;

/// Addresses: as many as a probe has flows.
pub(super) const ADDRESSES: u16 = 4096;
/// Frames a second to them: the whole of them several times in the time below.
const PPS: u32 = 20_000;
/// Time of sending after the failover.
const AFTER: Duration = Duration::from_secs(1);
/// A failover by command or by death is over by then.
const COMMIT: Duration = Duration::from_secs(5);

/// h1's port learns, h3's tests, those of h2 and h4 are monitors. Addresses speak once, before the failover; frames are sent to each of
/// them when it is over and the old master is slave again.
///
/// # Errors
/// What keeps it from being measured.
pub fn caching(rig: &Rig<'_>, cause: Cause) -> Result<Caching> {
    let before = rig.bed.wait_ready(READY)?;
    let specs = vec![StreamSpec::new("test-learning", "h3", "h1", ADDRESSES, PPS)];
    let mut probe = Probe::new(rig.bed, specs)?;
    probe.learn_only()?;
    let observer = Observer::start(rig.bed.pins())?;
    let mut cli = rig.bed.cli()?;
    let struck = strike(rig.bed, &mut cli, cause, &before)?;
    let commit = observer.commit(COMMIT)?;
    struck.heal(rig.bed)?;
    let after = rig.bed.wait_ready(READY)?;
    probe.start_learned()?;
    std::thread::sleep(AFTER);
    let report = probe.stop()?;
    let stream = report.streams.first().context("the probe has a stream")?;
    let mut faults = Vec::new();
    if (commit.slot, after.epoch) != (before.slave, before.epoch + 1) {
        faults.push(format!("epoch {} and master {}: not one failover", after.epoch, after.master));
    }
    if stream.sent < u64::from(ADDRESSES) {
        faults.push(format!("only {} frames were sent to {ADDRESSES} addresses", stream.sent));
    }
    if stream.flooded > 0 {
        faults.push(format!("a monitor port saw {} frames", stream.flooded));
    }
    if stream.lost > 0 {
        faults.push(format!("{} frames did not arrive on the learning port", stream.lost));
    }
    Ok(Caching {
        cause: cause.to_string(),
        addresses: u64::from(ADDRESSES),
        sent: stream.sent,
        arrived: stream.received,
        flooded: stream.flooded,
        faults,
    })
}
