//! Learning, moving, refreshing and ageing of stations, and a full table.

use std::time::{Duration, Instant};

use msm_abi::{FdbEntry, GateState, PlaneConfig, STAMP_SHIFT};

use crate::frames::*;
use crate::plane::*;

/// Asserts that `destination` is known to be at `lport`, as a frame from 1:1 finds.
#[track_caller]
fn known(plane: &Plane, destination: [u8; 6], lport: u16) {
    let before = plane.counters(u32::from(lport)).tx_frames;
    assert_eq!(plane.run(&frame(destination, S11)).action, XDP_REDIRECT);
    assert_eq!(plane.counters(u32::from(lport)).tx_frames, before + 1, "sent to {lport}");
}

/// True if a frame from 1:1 to `destination` is flooded.
fn floods(plane: &Plane, destination: [u8; 6]) -> bool {
    let outcome = plane.run(&frame(destination, S11));
    assert_eq!(outcome.action, XDP_REDIRECT, "{outcome:?}");
    !outcome.metadata.is_empty()
}

#[test]
fn a_new_station_is_learned_once() {
    let plane = Plane::new();
    let before = now_stamp();
    for _ in 0..3 {
        plane.run(&frame(BROADCAST, S11));
    }
    let entry = plane.fdb(S11, 1).expect("learned");
    assert_eq!((entry.lport(), entry.flags()), (P11, 0));
    assert!((before..=now_stamp()).contains(&entry.stamp()), "stamped with user space's clock");
    assert_eq!((plane.counters(u32::from(P11)).learned, plane.raised_by_plane()), (1, 0));
    plane.come_in_by(P12);
    plane.run(&frame(S11, S12));
    assert_eq!(plane.counters(u32::from(P11)).tx_frames, 1, "and found");
}

#[test]
fn a_station_moves_at_once() {
    let plane = Plane::new();
    plane.come_in_by(P12);
    plane.run(&frame(BROADCAST, S12));
    for lport in [P21, P12, P22, P21] {
        plane.come_in_by(P11);
        plane.run(&frame(S12, S11)); // so that the old place is in the cache
        plane.come_in_by(lport);
        plane.run(&frame(BROADCAST, S12));
        assert_eq!(plane.fdb(S12, 1).map(FdbEntry::lport), Some(lport));
        plane.come_in_by(P11);
        known(&plane, S12, lport);
    }
    assert_eq!(plane.raised_by_plane(), 4);
    assert_eq!(plane.counters(u32::from(P21)).learned, 2);
}

#[test]
fn a_static_station_does_not_move() {
    let plane = Plane::new();
    let place = FdbEntry::new(P21, FdbEntry::STATIC, 0);
    plane.station(S12, 1, place);
    for _ in 0..2 {
        plane.come_in_by(P12);
        plane.run(&frame(BROADCAST, S12));
        plane.come_in_by(P11);
        known(&plane, S12, P21);
    }
    assert_eq!(plane.fdb(S12, 1), Some(place), "not even its stamp");
    assert_eq!((plane.counters(u32::from(P12)).learned, plane.raised_by_plane()), (0, 0));
}

#[test]
fn a_stamp_is_written_when_it_is_old_enough() {
    let plane = Plane::new();
    let refreshed = |age: u32| {
        let seen = FdbEntry::new(P11, 0, now_stamp().wrapping_sub(age));
        plane.station(S11, 1, seen);
        plane.run(&frame(BROADCAST, S11));
        plane.run(&frame(BROADCAST, S11)); // from the cache
        let after = plane.fdb(S11, 1).expect("stays");
        assert_eq!((after.lport(), after.flags()), (P11, 0));
        assert!(after.stamp() == seen.stamp() || now_stamp().wrapping_sub(after.stamp()) < 10);
        after != seen
    };
    assert!(!refreshed(0));
    assert!(!refreshed(REFRESH - 100));
    assert!(refreshed(REFRESH + 1));
    assert!(refreshed(AGE + 1), "an over-age station that speaks is back");
    assert_eq!(
        (plane.counters(u32::from(P11)).learned, plane.raised_by_plane()),
        (0, 0),
        "a refresh is no move"
    );
}

#[test]
fn an_over_age_station_is_absent() {
    let plane = Plane::new();
    let seen =
        |age: u32, flags| plane.station(S12, 1, FdbEntry::new(P12, flags, now_stamp().wrapping_sub(age)));
    seen(AGE + 1, 0);
    assert!(floods(&plane, S12));
    assert!(floods(&plane, S12), "from the cache too");
    seen(AGE - 100, 0);
    assert!(!floods(&plane, S12));
    seen(AGE + 1, FdbEntry::STATIC);
    assert!(!floods(&plane, S12), "static entries do not age");
    plane.config(PlaneConfig { fdb_age: 0, fdb_refresh: 1, ..PlaneConfig::default() });
    seen(u32::MAX / 2, 0);
    assert!(!floods(&plane, S12), "age 0 is never");
}

/// With the entry in the cache all the time, ageing is exact to a stamp and a tick.
#[test]
fn a_silent_station_ages_while_it_is_used() {
    const STAMPS: u32 = 12;
    let plane = Plane::new();
    plane.config(PlaneConfig { fdb_age: STAMPS, fdb_refresh: 1, ..PlaneConfig::default() });
    let stamp = now_stamp();
    plane.station(S12, 1, FdbEntry::new(P12, 0, stamp));
    let deadline = Instant::now() + Duration::from_nanos(u64::from(STAMPS) << STAMP_SHIFT) * 20;
    let mut last_known = stamp;
    loop {
        let before = now_stamp();
        if floods(&plane, S12) {
            // A tick late at most, so the run may have seen the stamp after `before`.
            assert!(now_stamp().wrapping_sub(stamp) > STAMPS, "aged too early");
            break;
        }
        last_known = before;
        assert!(Instant::now() < deadline, "never aged");
    }
    assert!(last_known.wrapping_sub(stamp) <= STAMPS + 1, "used when over age");
    // One frame of its own and it is back.
    plane.come_in_by(P12);
    plane.run(&frame(BROADCAST, S12));
    plane.come_in_by(P11);
    assert!(!floods(&plane, S12));
}

#[test]
fn a_stamp_survives_the_wrap() {
    let (now, age) = (u32::MAX.wrapping_add(5), 10);
    assert!(!FdbEntry::new(P12, 0, u32::MAX - 4).expired(now, age));
    assert!(FdbEntry::new(P12, 0, u32::MAX - 7).expired(now, age));
}

/// Another CPU may see the next tick first: its stamp must not look 2.2 years old to this one.
#[test]
fn a_stamp_of_the_next_tick_is_fresh() {
    let plane = Plane::new();
    let ahead = now_stamp() + 100;
    plane.station(S11, 1, FdbEntry::new(P11, 0, ahead));
    plane.station(S12, 1, FdbEntry::new(P12, 0, ahead));
    assert!(!floods(&plane, S12));
    assert_eq!(plane.fdb(S11, 1).map(FdbEntry::stamp), Some(ahead), "and is not set back");
}

#[test]
fn a_full_table_floods_and_counts() {
    let plane = Plane::with_fdb(4);
    let station = |last: u8| [2, 0, 0, 0, 1, last];
    for last in 0..6 {
        let outcome = plane.run(&frame(BROADCAST, station(last)));
        assert_eq!(outcome.action, XDP_REDIRECT, "a frame is not dropped for this");
    }
    let counters = plane.counters(u32::from(P11));
    assert_eq!((counters.learned, counters.learn_full), (4, 2));
    for last in 0..4 {
        assert!(plane.fdb(station(last), 1).is_some(), "nobody is evicted");
    }
    plane.come_in_by(P12);
    assert!(!plane.run(&frame(station(5), S12)).metadata.is_empty(), "who has no room is flooded to");
    // A move needs no room.
    plane.run(&frame(BROADCAST, station(0)));
    assert_eq!(plane.fdb(station(0), 1).map(FdbEntry::lport), Some(P12));
    // Room again.
    assert!(plane.forget(station(1), 1));
    plane.run(&frame(BROADCAST, station(5)));
    assert_eq!(plane.fdb(station(5), 1).map(FdbEntry::lport), Some(P12));
}

#[test]
fn who_is_not_learned() {
    let mut plane = Plane::new();
    let outcome = plane.run(&frame(S12, EAPS));
    assert_eq!(outcome.action, XDP_REDIRECT, "a control address may speak");
    assert_eq!(plane.fdb(EAPS, 1), None, "but is not learned");
    plane.run(&frame(BPDU, S11));
    assert_eq!(plane.fdb(S11, 1), None, "nor who sent a discarded control frame");
    plane.run(&frame(EAPS, S11));
    assert!(plane.fdb(S11, 1).is_some(), "who sent a forwarded one is");
    plane.vlan(1, 1, &ALL, &[]);
    plane.gate(1, P11, GateState::Discarding, 0);
    plane.run(&frame(BROADCAST, S21));
    assert_eq!(plane.fdb(S21, 1), None, "a discarding gate does not learn");
    plane.gate(1, P11, GateState::Learning, 0);
    plane.run(&frame(BROADCAST, S21));
    assert_eq!(plane.fdb(S21, 1).map(FdbEntry::lport), Some(P11), "a learning one does");
}
