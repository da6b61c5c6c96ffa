//! The control trial: a port is taken away and put back, which must lose frames and must be seen.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Rig;
use super::traffic::{self, Started, Traffic};
use crate::probe::now_ns;
use crate::report::schema::Control;

/// The host whose port goes.
const HOST: &str = "h1";
/// Traffic before and after.
const AROUND_SECS: f64 = 0.5;
/// Frames must flow again by then.
const BACK: Duration = Duration::from_secs(2);

/// Takes h1's port down and up, which resets its queue as a detached and attached program would, only for longer than a command takes.
///
/// # Errors
/// What the probe says; that no frame arrives afterwards.
pub fn control(rig: &Rig<'_>) -> Result<Control> {
    let spec = &rig.bed.host(HOST)?.spec;
    let Started { probe, .. } = traffic::start(rig)?;
    let (sampled, back) = thread::scope(|scope| -> Result<_> {
        let mut traffic = Traffic::watch(scope, &probe);
        traffic.until(AROUND_SECS);
        traffic.event()?;
        traffic.mark(now_ns(), "event");
        for state in ["down", "up"] {
            let mut ip = rig.bed.switch_netns().command("ip");
            let done =
                ip.args(["link", "set", "dev", &spec.switch_dev, state]).status().context("starting ip")?;
            ensure!(done.success(), "`ip link set dev {} {state}` failed", spec.switch_dev);
        }
        let up_ns = now_ns();
        let back = traffic.flows_again(up_ns, BACK)?;
        traffic.until((now_ns() - traffic.began_ns) as f64 / 1e9 + AROUND_SECS);
        Ok((traffic.end()?, back))
    })?;
    let outcome = traffic::finish(probe, &sampled)?;
    ensure!(back, "port {} was set down and up, and no frame of {HOST} came back within {BACK:?}", spec.port);
    Ok(Control {
        lost: outcome.report.lost(),
        what: format!("port {} down and up", spec.port),
        timeline: outcome.timeline,
    })
}
