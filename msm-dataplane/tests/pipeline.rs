//! The forwarding plane, frame by frame: verdict, counters, FDB and metadata, by BPF_PROG_TEST_RUN. Needs root.

#[path = "pipeline/plane.rs"]
mod plane;

use plane::*;

#[test]
fn every_program_verifies() {
    let mut plane = Plane::new();
    for name in ["dispatch", "ingress", "egress", "egress_test"] {
        let (verified, translated) = plane.instructions(name);
        println!("{name}: {verified} instructions verified, {translated} translated");
    }
    let out = plane.run(&[0xff; 64]);
    println!("{out:?} {:?}", plane.drops(0u16));
}
