//! The forwarding plane before frames that anybody sends: the compiled programs beside the reference, which must agree in everything.
//!
//! An input is a frame with a few octets in front that say where and how it comes in (frame/input.rs), to a switch of fixed configuration
//! (frame/world.rs) that is set back after each: an input is all that a find needs. The reference (msm-dataplane/tests/reference) says what
//! becomes of it; then the programs do it, by BPF_PROG_TEST_RUN: the ingress program and, of what it floods, the egress program at every
//! member; or the tcx program, whose copies are read from netdevs. Verdict, frames, headers, traps, counters and stations are compared.
//! Programs have no coverage counters: the fuzzer goes by the reference's.
//!
//! What a test run cannot show, and where that is tested:
//! - at tcx, IP packets without a whole header, which the kernel refuses to run, as it does frames under 14 bytes, which no netdev hands on:
//!   msm-dataplane/tests/l3_oracle;
//! - at tcx, frames over a page (of 64 kB that the host leaves whole, only that they are to be cut is shown here), and what is in fragments
//!   there: netns-tests/tests, where hosts speak TCP with their offloads on;
//! - the tag of the one copy that tcx redirects, which stands beside the frame and is seen in the counters alone: msm-dataplane/tests/l2_oracle;
//! - netdevs that a redirect of XDP leads to, and the kernel's own copies: the same, and netns-tests;
//! - rates, ageing and turns, which go by the clock or by CPU: msm-dataplane/tests/pipeline.
#![no_main]

#[path = "frame/bench.rs"]
mod bench;
#[path = "frame/input.rs"]
mod input;
#[path = "frame/kernel.rs"]
mod kernel;
#[allow(dead_code, reason = "the pipeline's tests use more of it")]
#[path = "../../msm-dataplane/tests/pipeline/plane.rs"]
mod plane;
#[path = "../../msm-dataplane/tests/reference/mod.rs"]
mod reference;
#[path = "frame/tap.rs"]
mod tap;
#[path = "frame/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: bench::start(), |bytes: &[u8]| {
    bench::with(|bench| bench.run(bytes));
});
