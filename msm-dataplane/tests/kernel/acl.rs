//! What a long access list costs: 4,096 rules of more than 256 sets of fields and masks.

use std::time::Duration;

use msm_dataplane::plane::acl::{AclFrames, AclList, AclPrefix, AclRule};

use crate::bed::Bed;

/// From the compiled list to the list in force.
const INSTALL: Duration = Duration::from_millis(if cfg!(debug_assertions) { 40 } else { 20 });
/// Tries: the machine does other things too.
const TRIES: usize = if cfg!(debug_assertions) { 3 } else { 9 };

/// Time that this thread was at work: the machine is shared, and an MSM is real time.
fn busy() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills one timespec.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) }, 0);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// Rule `n`: prefix lengths of source and destination, and which other fields it asks for, make 8 x 8 x 8 sets.
fn rule(n: u32) -> AclRule {
    let len = |which: u32| [8, 12, 16, 20, 24, 28, 30, 32][which as usize % 8];
    let scattered = |salt: u32| (n ^ salt).wrapping_mul(0x9e37_79b9) >> 8 | 10 << 24;
    let range = |asked: bool, low: u32| asked.then(|| (low as u16, low.saturating_add(n % 32) as u16));
    AclRule {
        permit: n.is_multiple_of(2),
        counter: n as u16,
        ingress: (n / 64 % 8 == 7).then(|| vec![n as u16 % 64]),
        frames: AclFrames::Ipv4 {
            source: Some(AclPrefix::new(scattered(1), len(n))),
            destination: Some(AclPrefix::new(scattered(0x55), len(n / 8))),
            protocol: Some(if n.is_multiple_of(3) { 17 } else { 6 }),
            source_port: range(n / 64 % 2 == 1, n * 7 % 65_536),
            destination_port: range(n / 64 % 4 > 1, n * 13 % 65_536),
        },
    }
}

/// The time from a compiled list to the list in force, without the grace period that a list right before it still waits for.
#[test]
fn a_list_of_4096_rules_is_in_force_within_20_ms() {
    Bed::run(|bed| {
        let mut owner = bed.create();
        let mut best = (Duration::MAX, Duration::MAX);
        for shift in 0..TRIES as u32 {
            let rules = (0..4096).map(|n| rule((n + shift) % 4096));
            let list = AclList { rules: rules.collect() };
            let begun = busy();
            let compiled = list.compile().expect("lawful");
            let compiling = busy() - begun;
            let begun = busy();
            let changes = owner.install_acl(&compiled).expect("installed");
            let installing = busy() - begun;
            println!(
                "{:?}: compiled in {compiling:?}, {} writes in {installing:?}",
                compiled.size(),
                changes.writes
            );
            best = (best.0.min(compiling), best.1.min(installing));
            let begun = busy();
            assert_eq!(owner.reconcile_acl(&list).expect("found").writes, 0);
            println!("found right in {:?}", (busy() - begun));
        }
        println!("best: compiled in {:?}, in force in {:?}", best.0, best.1);
        assert!(best.1 < INSTALL, "in force after {:?}", best.1);
    });
}
