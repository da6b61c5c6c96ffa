//! The forwarding plane, frame by frame: verdict, counters, FDB and metadata, by BPF_PROG_TEST_RUN. Needs root.

#[path = "pipeline/acl.rs"]
mod acl;
mod acl_lists;
#[path = "pipeline/budget.rs"]
mod budget;
#[path = "pipeline/capture.rs"]
mod capture;
#[path = "pipeline/coherence.rs"]
mod coherence;
#[path = "pipeline/drops.rs"]
mod drops;
#[path = "pipeline/egress.rs"]
mod egress;
#[path = "pipeline/exchange.rs"]
mod exchange;
#[path = "pipeline/forwarding.rs"]
mod forwarding;
#[path = "pipeline/frames.rs"]
mod frames;
#[path = "pipeline/fuzz.rs"]
mod fuzz;
#[path = "pipeline/l3.rs"]
mod l3;
#[path = "pipeline/learning.rs"]
mod learning;
#[path = "pipeline/mirror.rs"]
mod mirror;
#[path = "pipeline/plane.rs"]
mod plane;
#[path = "pipeline/rates.rs"]
mod rates;
mod reference;
#[path = "pipeline/sharing.rs"]
mod sharing;
#[path = "pipeline/tcx.rs"]
mod tcx;
#[path = "pipeline/traps.rs"]
mod traps;
#[path = "pipeline/vlans.rs"]
mod vlans;
#[path = "acl_oracle/wire.rs"]
mod wire;
