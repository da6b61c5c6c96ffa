//! The parts of a run that need no product: a bridge carries the quiet run, loses in the control trial. Needs root.

use netns_tests::bed::{BedOptions, SwitchKind, Testbed};
use netns_tests::report::schema::{Host, Report, SCHEMA};
use netns_tests::report::svg;
use netns_tests::trial::{Rig, baseline, control, quiet};

fn bridge(prefix: &str) -> Testbed {
    Testbed::start(BedOptions { prefix: prefix.into(), switch: SwitchKind::Bridge, ..BedOptions::default() })
        .expect("a bed")
}

#[test]
fn a_quiet_run_is_carried_and_the_control_trial_loses() {
    let bed = bridge("tr1-");
    let mut rig = Rig::new(&bed, 20_000, 1).expect("a rig");
    let quiet = quiet(&rig).expect("a quiet run");
    println!("{quiet:#?}");
    assert_eq!(quiet.lost, 0, "{quiet:?}");
    rig.rate = u32::try_from(quiet.carried_pps).expect("a rate");
    let control = control(&rig).expect("a control trial");
    assert!(control.lost > 0, "a port was down and nothing is missing");
    let bins: Vec<usize> = control.timeline.series.iter().map(|(_, bins)| bins.len()).collect();
    assert!(bins.len() == 5 && bins.iter().all(|n| *n >= 90), "a second in bins of 10 ms: {bins:?}");
    let report = Report { schema: SCHEMA, host: Host::here(), control, quiet, ..Report::default() };
    let picture = svg::draw(&report).expect("a picture");
    assert!(picture.contains("port 1:1 down and up"));
    if let Some(path) = std::env::var_os("MSM_TEST_SVG") {
        std::fs::write(path, picture).expect("the picture for a look");
    }
}

#[test]
fn iperf3_measures_between_modules_and_inside() {
    let bed = bridge("tr2-");
    let lines = baseline(&bed).expect("iperf3");
    assert_eq!(lines.len(), 4);
    lines.iter().for_each(|line| println!("{line}"));
    assert!(lines.iter().all(|line| line.mbit_per_s > 1.0), "{lines:?}");
}
