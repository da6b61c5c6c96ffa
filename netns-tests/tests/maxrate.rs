//! Failovers at maximum rate: numbered frames in a closed loop, 0 lost. Needs root.

use std::time::{Duration, Instant};

use netns_tests::bed::{BedOptions, Slot, SwitchKind, Testbed};
use netns_tests::bench::closed_loop::{ClosedLoop, Numbers};
use netns_tests::bench::load::{Load, Place};
use netns_tests::probe::ProbeError;
use probe_abi::load_names;
use rustix::process::Signal;

const READY: Duration = Duration::from_secs(30);
/// An operator's failover takes milliseconds.
const MOVED: Duration = Duration::from_secs(5);
/// Seconds of frames around each failover.
const SECS: f64 = 1.5;

fn failovers() -> u32 {
    if std::env::var_os("MSM_TEST_LONG").is_some() { 10 } else { 3 }
}

/// A bare redirect between h1 and h3, both ways: a switch that cannot fail over, and a path that can be cut.
fn bare(prefix: &str) -> (Testbed, [Load; 2]) {
    let options = BedOptions { prefix: prefix.into(), switch: SwitchKind::None, ..BedOptions::default() };
    let bed = Testbed::start(options).expect("a bed without a switch");
    let loads = [("h1", "h3"), ("h3", "h1")].map(|(from, to)| {
        let mut load = Load::new().expect("the load programs");
        load.attach(load_names::BARE, Place::port(&bed, bed.host(from).expect("host"))).expect("attached");
        load.aim_bare(Place::port(&bed, bed.host(to).expect("host"))).expect("aimed");
        load
    });
    (bed, loads)
}

#[test]
fn a_quiet_closed_loop_loses_nothing() {
    let (bed, _loads) = bare("mr1-");
    let mut closed = ClosedLoop::new(&bed).expect("a loop");
    let numbers = closed.run(SECS, || Ok(())).expect("a run");
    assert!(numbers.clean(), "{numbers:?}");
    assert!(numbers.sent > 100_000, "hardly anything was sent: {numbers:?}");
    println!("quiet, bare redirect: {numbers:?}");
}

#[test]
fn the_closed_loop_sees_a_loss() {
    let (bed, _loads) = bare("mr2-");
    let mut closed = ClosedLoop::new(&bed).expect("a loop");
    let cut = || {
        for state in ["down", "up"] {
            let done = bed.switch_netns().command("ip").args(["link", "set", "s1p1", state]).status();
            assert!(done.expect("ip").success());
        }
        Ok(())
    };
    let numbers = closed.run(SECS, cut).expect("a run");
    assert!(numbers.received < numbers.sent, "a port was down and nothing is missing: {numbers:?}");
}

fn across(
    closed: &mut ClosedLoop<'_>,
    bed: &Testbed,
    strike: impl Fn(&Testbed, Slot) -> Result<(), ProbeError>,
) -> Numbers {
    let ready = bed.wait_ready(READY).expect("both MSMs");
    let numbers = closed.run(SECS, || strike(bed, ready.master)).expect("a run");
    let after = bed.wait_ready(READY).expect("both MSMs again");
    assert_eq!((after.master, after.epoch), (ready.slave, ready.epoch + 1), "mastership moved once");
    numbers
}

#[test]
fn failovers_at_maximum_rate_lose_nothing() {
    let options = BedOptions { prefix: "mr3-".into(), ..BedOptions::default() };
    let bed = Testbed::start(options).expect("a bed");
    bed.wait_ready(READY).expect("both MSMs");
    let mut closed = ClosedLoop::new(&bed).expect("a loop");
    let quiet = closed.run(SECS, || Ok(())).expect("a run");
    assert!(quiet.clean(), "nothing failed over: {quiet:?}");
    println!("quiet: {quiet:?}");
    for number in 1..=failovers() {
        let operator = across(&mut closed, &bed, |bed, master| {
            let mut cli = bed.cli()?; // lives until the move: a session that ends takes its command along
            cli.send("run msm-failover")?;
            let deadline = Instant::now() + MOVED;
            while bed.master()? == master && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        });
        assert!(operator.clean(), "operator {number}: {operator:?}");
        let crash = across(&mut closed, &bed, |bed, master| {
            bed.kill(master, Signal::KILL)?;
            Ok(())
        });
        assert!(crash.clean(), "crash {number}: {crash:?}");
        println!("operator {number}: {operator:?}; crash {number}: {crash:?}");
    }
}
