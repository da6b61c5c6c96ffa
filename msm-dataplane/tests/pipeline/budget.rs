//! What the programs cost: instructions for the verifier, time a frame. `--nocapture` prints it.
//!
//! A frame that is dropped at a stage costs what all stages up to it cost, so the differences are the stages' budget. Times are
//! printed and not asserted: they are the machine's as much as ours.

use std::time::Duration;

use msm_abi::{FdbEntry, PortEntry, names, port_flags};

use crate::frames::*;
use crate::plane::*;

/// The kernel gives up at 1,000,000; a tenth of it is what one program may grow to before it is cut.
const VERIFIED_AT_MOST: u32 = 100_000;
/// Runs of one sample, and samples: 0.1 s a line.
const RUNS: u32 = 50_000;
const SAMPLES: usize = 11;

fn ns_a_run(plane: &Plane, program: &str, sent: &[u8]) -> u128 {
    let mut samples: Vec<Duration> =
        (0..SAMPLES).map(|_| plane.run_repeated(program, sent, &[], RUNS).1).collect();
    samples.sort();
    samples[SAMPLES / 2].as_nanos()
}

#[test]
fn instructions_and_time() {
    let mut plane = Plane::new();
    for name in [
        names::PROG_DISPATCH,
        names::PROG_INGRESS,
        names::PROG_EGRESS,
        names::PROG_EGRESS_TEST,
        names::PROG_TCX,
    ] {
        let (verified, translated) = plane.instructions(name);
        println!("{name:12} {verified:6} instructions verified, {translated:5} translated");
        assert!((1..VERIFIED_AT_MOST).contains(&verified), "{name}: {verified}");
    }
    for (mac, lport) in [(S11, P11), (S12, P12), (S21, P21)] {
        plane.station(mac, 1, FdbEntry::new(lport, FdbEntry::STATIC, 0));
    }
    let ingress = names::PROG_INGRESS;
    let print = |what: &str, program: &str, sent: &[u8]| {
        println!("{:4} ns {what}", ns_a_run(&plane, program, sent));
    };
    plane.port(PortEntry::default());
    print("no port: the drop and its counter alone", ingress, &frame(S12, S11));
    plane.port(PortEntry { flags: port_flags::VALID, ..port_entry(P11) });
    print("+ port table, received counters", ingress, &frame(S12, S11));
    plane.come_in_by(P11);
    print("+ parse, VLAN, control, source check", ingress, &frame(S12, BROADCAST));
    print("+ gate, learning, lookup (hairpin)", ingress, &frame(S11, S11));
    print("  unicast inside a module", ingress, &frame(S12, S11));
    print("  unicast between modules", ingress, &frame(S21, S11));
    print("  flood", ingress, &frame(BROADCAST, S11));
    print("  egress of unicast", names::PROG_EGRESS_TEST, &frame(S12, S11));
}
