//! What an MSM remembers when nothing of it runs any more. Needs root.

mod common;

use std::time::Duration;

use common::{READY, ready_bed, within};
use netns_tests::bed::{Slot, wait_dead};
use rustix::process::Signal;

/// Time for a killed process to be gone.
const DEATH: Duration = Duration::from_secs(1);
/// Before everything ends. A boot may count one itself, if the other slot is first.
const FAILOVERS: u64 = 2;

#[test]
fn failovers_and_warnings_outlast_both_msms() {
    let (bed, mut now) = ready_bed("fl1-");
    for _ in 0..FAILOVERS {
        bed.kill(now.master, Signal::KILL).expect("killed");
        now = bed.wait_ready(READY).expect("both MSMs again");
    }
    let shown = bed.show("msm-failover").expect("shown");
    assert_eq!((shown["failovers"].as_u64(), shown["cause"].as_str()), (Some(FAILOVERS), Some("exception")));
    let flash = bed.run_dir().with_extension("flash");
    let kept = |slot: Slot, name: &str| {
        std::fs::read_to_string(flash.join(slot.letter()).join(name)).unwrap_or_default()
    };
    // The slave has it from its master.
    for slot in Slot::ALL {
        let count = format!("\"failovers\":{FAILOVERS}");
        within(READY, "nvram", || kept(slot, "nvram").contains(&count));
        assert!(kept(slot, "nvram").contains("\"cause\":\"exception\""), "{}", kept(slot, "nvram"));
    }
    within(READY, "the log", || kept(now.master, "log").contains("\"severity\":\"warning\""));

    let (_, backplane) = bed.kill_backplane().expect("killed");
    let [slave, master] = [now.slave, now.master].map(|slot| bed.kill(slot, Signal::KILL).expect("killed").1);
    for pidfd in [backplane, slave, master] {
        wait_dead(&pidfd, DEATH).expect("dead");
    }
    // If one of them has brought the backplane back before it died, this one gives way.
    bed.start_chassis().expect("started");
    bed.wait_ready(READY).expect("both MSMs again");
    let shown = bed.show("msm-failover").expect("shown");
    assert!(shown["failovers"].as_u64() >= Some(FAILOVERS), "remembered: {shown}");
}

/// The line that says why is the last that the process writes.
#[test]
fn a_panic_of_the_actor_itself_is_in_the_log_after_the_boot() {
    let (bed, before) = ready_bed("fl2-");
    let master = bed.pidfd(before.master).expect("a pidfd");
    // Its answer may come or not: the task that answers is the one that panics.
    let mut session = bed.cli_of(before.master).expect("a session");
    session.send("debug exception main").expect("sent");
    wait_dead(&master, DEATH).expect("dead");
    let after = bed.wait_ready(READY).expect("both MSMs again");
    assert_eq!(after.master, before.slave, "a failover");
    let flash = bed.run_dir().with_extension("flash").join(before.master.letter());
    // What the disk may not have yet, and what it has.
    let read = |name| std::fs::read_to_string(flash.join(name)).unwrap_or_default();
    let log = read("log.recent") + &read("log");
    assert!(log.contains("\"severity\":\"critical\"") && log.contains("panicked"), "{log}");
}
