//! The per-CPU cache under concurrent change: what the owner removed, or a station left, no later run uses.
//!
//! One CPU forwards all the time, so that the entry is in its cache whenever it may be; the other changes the FDB and then
//! raises a flag. A run that began after the flag must have seen the change. Before it, either is right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use msm_abi::FdbEntry;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::frames::*;
use crate::plane::*;

/// Changes of one test: some 5 us each, with about two runs in flight for each of them.
const ROUNDS: u64 = 5_000;
/// Within which the forwarding CPU sees a change that it waits for; it forwards every few us.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// What one run did with the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unicast,
    Flooded,
    Dropped,
}

fn fate(outcome: &Outcome) -> Fate {
    match (outcome.action, outcome.metadata.is_empty()) {
        (XDP_REDIRECT, true) => Fate::Unicast,
        (XDP_REDIRECT, false) => Fate::Flooded,
        _ => Fate::Dropped,
    }
}

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu % thread::available_parallelism().map_or(1, usize::from));
    sched_setaffinity(None, &set).expect("pinning a thread to a CPU");
}

/// Forwards `sent` on one CPU while `change` runs on the other. Round n is open from `change(n)`'s return, when the only
/// right fate is `after`, until the next `restore(n)`, which makes it `before` again; `before` must be seen in every round.
fn hammer(
    plane: &Plane,
    sent: &[u8],
    (before, after): (Fate, Fate),
    restore: impl Fn(),
    change: impl Fn() + Sync,
) {
    restore();
    // Even: being restored, restored, or being changed. Odd: changed.
    let phase = AtomicU64::new(0);
    let seen_before = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let forwarder = scope.spawn(|| {
            pin(1);
            let mut checked = 0u64;
            while !stop.load(SeqCst) {
                let began = phase.load(SeqCst);
                let fate = fate(&plane.run(sent));
                if began % 2 == 1 && phase.load(SeqCst) == began {
                    assert_eq!(fate, after, "a run used what was gone, in round {}", began / 2);
                    checked += 1;
                } else if began.is_multiple_of(2) {
                    assert!(fate == before || fate == after, "{fate:?}");
                    if fate == before {
                        seen_before.store(began / 2 + 1, SeqCst);
                    }
                }
            }
            checked
        });
        pin(0);
        for round in 0..ROUNDS {
            phase.store(round * 2, SeqCst);
            restore();
            let deadline = Instant::now() + SEEN_WITHIN;
            while seen_before.load(SeqCst) <= round && !forwarder.is_finished() {
                assert!(Instant::now() < deadline, "the entry was never used");
                std::hint::spin_loop();
            }
            change();
            phase.store(round * 2 + 1, SeqCst);
            if forwarder.is_finished() {
                break; // it has seen something wrong and says so below
            }
            // Some runs within the changed phase, and of every length.
            let until = Instant::now() + Duration::from_micros(round % 16);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        stop.store(true, SeqCst);
        let checked = forwarder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert!(checked > ROUNDS / 10, "only {checked} runs began and ended after a change");
    });
}

/// The owner removes a station while its frames flow. The sender moves in every round, too: the programs raise their part
/// of the generation while the owner raises its own, and neither undoes the other.
#[test]
fn a_removed_station_is_not_used() {
    let plane = Plane::new();
    hammer(
        &plane,
        &frame(S12, S11),
        (Fate::Unicast, Fate::Flooded),
        || {
            plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
            plane.station(S11, 1, FdbEntry::new(P21, 0, now_stamp())); // the next frame takes it back to 1:1
        },
        || assert!(plane.forget(S12, 1)),
    );
    assert!(plane.raised_by_plane() > ROUNDS / 2, "the sender moved {} times", plane.raised_by_plane());
}

/// The owner blackholes a station while its frames flow, and releases it: the proof of authority after a failover.
#[test]
fn a_blackholed_station_gets_nothing() {
    let plane = Plane::new();
    hammer(
        &plane,
        &frame(S12, S11),
        (Fate::Unicast, Fate::Dropped),
        || plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp())),
        || plane.station(S12, 1, FdbEntry::new(P12, FdbEntry::STATIC | FdbEntry::BLACKHOLE, now_stamp())),
    );
}

/// The station itself moves: a frame of its own, on the other CPU, changes its entry.
#[test]
fn a_moved_station_is_not_where_it_was() {
    let plane = Plane::new();
    hammer(
        &plane,
        &frame(S12, S11),
        (Fate::Unicast, Fate::Dropped),
        || plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp())),
        // Now it is where the sender is: a hairpin.
        || assert_eq!(plane.run(&frame(BROADCAST, S12)).action, XDP_REDIRECT),
    );
    assert_eq!(plane.raised_by_plane(), ROUNDS);
}

/// After so many generations an epoch of the cache comes again (msm-ebpf/src/plane/cache.rs).
const EPOCHS: u64 = 16_383;

#[test]
fn what_was_remembered_an_age_ago_is_forgotten() {
    pin(0);
    let plane = Plane::new();
    let hears = |lport: u16| {
        let before = plane.counters(lport.into()).tx_frames;
        plane.run(&frame(S12, S11));
        plane.counters(lport.into()).tx_frames - before == 1
    };
    for generations in EPOCHS - 1..=EPOCHS + 1 {
        plane.station(S12, 1, FdbEntry::new(P12, FdbEntry::STATIC, 0));
        assert!(hears(P12));
        // Not a frame for the station until the epoch in which it was remembered is there again.
        plane.station(S12, 1, FdbEntry::new(P21, FdbEntry::STATIC, 0));
        for _ in 1..generations {
            plane.run(&frame(BROADCAST, S11));
            plane.raise();
        }
        assert!(hears(P21), "after {generations} generations");
    }
}
