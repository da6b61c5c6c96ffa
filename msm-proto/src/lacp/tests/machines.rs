//! The machines of a port, against a partner that says what the test wants.

use super::*;
use crate::lacp::{Mux, Rx};

/// A partner's word by a port, in the state of these bits, knowing us as `knows`.
fn hear(lacp: &mut Lacp, now: Time, port: Port, system: u8, state: u8) -> Vec<Output> {
    let ours = lacp.status()[&port].actor;
    let system = [2, 0, 0, 0, 1, system];
    let actor = Info { system_priority: 1, system, key: 5, port_priority: 1, port: port + 11, state };
    lacp.step(now, Input::Pdu { port, pdu: Pdu::Lacp(Lacpdu { actor, partner: ours }) })
}

const WELL: u8 = bits::ACTIVITY | bits::AGGREGATION | bits::SYNCHRONIZATION;
const GOOD: u8 = WELL | bits::COLLECTING | bits::DISTRIBUTING;

fn up(short: bool, ports: &[Port]) -> Lacp {
    let mut lacp = Lacp::default();
    lacp.step(at(0), Input::Config(config(1, ports.iter().copied(), short)));
    lacp.step(at(0), Input::Links(ports.iter().copied().collect()));
    lacp
}

/// Both ports distributing at 3,000 ms.
fn running(short: bool) -> Lacp {
    let mut lacp = up(short, &[0, 1]);
    for port in [0, 1] {
        hear(&mut lacp, at(10), port, 1, WELL);
    }
    assert_eq!(lacp.deadline().map(|due| due > at(10)), Some(true));
    lacp.step(at(2020), Input::Tick);
    for port in [0, 1] {
        hear(&mut lacp, at(3000), port, 1, GOOD);
    }
    assert_eq!(lacp.distributing(), &BTreeSet::from([0, 1]));
    lacp
}

#[test]
fn a_port_goes_through_its_states() {
    let mut lacp = up(false, &[0]);
    let state = |lacp: &Lacp| (lacp.status()[&0].rx, lacp.status()[&0].mux);
    assert_eq!(state(&lacp), (Rx::Expired, Mux::Detached));
    hear(&mut lacp, at(10), 0, 1, WELL);
    assert_eq!(state(&lacp), (Rx::Current, Mux::Waiting));
    assert!(
        sent(&lacp.step(at(2009), Input::Tick)).iter().all(|(_, pdu)| !pdu.actor.has(bits::SYNCHRONIZATION))
    );
    let outputs = lacp.step(at(2010), Input::Tick);
    assert_eq!(state(&lacp), (Rx::Current, Mux::Collecting), "its partner is in step already");
    assert!(outputs.contains(&Output::Collect([0].into())), "its frames are taken from now on");
    let told = sent(&outputs)[0].1.actor;
    assert!(told.has(bits::SYNCHRONIZATION | bits::COLLECTING) && !told.has(bits::DISTRIBUTING));
    let outputs = hear(&mut lacp, at(2100), 0, 1, GOOD);
    let order: Vec<_> = outputs.iter().map(std::mem::discriminant).collect();
    let replicate = std::mem::discriminant(&Output::Replicate(Vec::new()));
    assert_eq!(order[0], replicate, "replicated before it matters");
    assert_eq!(outputs[1], Output::Distribute([0].into()), "in the tables before the partner hears of it");
    assert!(sent(&outputs)[0].1.actor.has(bits::DISTRIBUTING));
}

#[test]
fn a_partner_that_is_silent_expires_and_is_forgotten() {
    for (short, gone) in [(true, 3000), (false, 90_000)] {
        let mut lacp = running(short);
        lacp.step(at(3000 + gone - 1), Input::Tick);
        assert_eq!(lacp.distributing().len(), 2, "{short}");
        let outputs = lacp.step(at(3000 + gone), Input::Tick);
        assert!(outputs.contains(&Output::Distribute(BTreeSet::new())), "{short}");
        assert!(outputs.contains(&Output::Collect(BTreeSet::new())), "{short}");
        assert!(sent(&outputs).iter().all(|(_, pdu)| pdu.actor.has(bits::EXPIRED)));
        assert_eq!(lacp.status()[&0].rx, Rx::Expired);
        lacp.step(at(3000 + gone + 3000), Input::Tick);
        assert_eq!((lacp.status()[&0].rx, lacp.status()[&0].mux), (Rx::Defaulted, Mux::Detached));
        assert_eq!(lacp.status()[&0].partner, Info::default());
    }
}

#[test]
fn it_speaks_as_often_as_its_partner_wants() {
    for (timeout, period, times) in [(bits::TIMEOUT, 1000, 60), (0, 30_000, 2)] {
        let mut lacp = running(false);
        // What is to be said of the partner's new wish is said.
        lacp.step(at(3000), Input::Tick);
        hear(&mut lacp, at(4000), 0, 1, GOOD | timeout);
        lacp.step(at(8000), Input::Tick);
        let mut count = 0;
        let mut now = at(8000);
        while let Some(due) = lacp.deadline().filter(|due| *due <= at(68_000)) {
            assert!(due >= now);
            now = due;
            count += sent(&lacp.step(due, Input::Tick)).iter().filter(|(port, _)| *port == 0).count();
        }
        assert!((times - 1..=times).contains(&count), "{count} in a minute, period {period}");
    }
}

#[test]
fn no_more_than_three_a_second_are_sent() {
    let mut lacp = running(true);
    let mut count = 0;
    for millisecond in 0..5000 {
        // It contradicts itself each time.
        let state = if millisecond % 2 == 0 { WELL } else { GOOD };
        let mut outputs = hear(&mut lacp, at(4000 + millisecond), 0, 1, state);
        outputs.extend(lacp.step(at(4000 + millisecond), Input::Tick));
        count += sent(&outputs).iter().filter(|(port, _)| *port == 0).count();
    }
    assert!((12..=16).contains(&count), "{count}");
}

#[test]
fn a_link_that_goes_leaves_at_once_and_the_other_stays() {
    let mut lacp = running(true);
    let outputs = lacp.step(at(3100), Input::Links([1].into()));
    assert!(outputs.contains(&Output::Distribute([1].into())));
    assert!(sent(&outputs).is_empty(), "there is nobody to tell");
    let outputs = lacp.step(at(3200), Input::Links([0, 1].into()));
    assert!(sent(&outputs).iter().any(|(port, pdu)| *port == 0 && pdu.actor.has(bits::EXPIRED)));
    hear(&mut lacp, at(3300), 0, 1, GOOD);
    hear(&mut lacp, at(5000), 1, 1, GOOD);
    lacp.step(at(5300), Input::Tick);
    assert_eq!(lacp.distributing(), &BTreeSet::from([0, 1]));
}

#[test]
fn ports_of_another_partner_and_of_a_loop_are_not_used() {
    let mut lacp = up(true, &[0, 1, 2, 3]);
    hear(&mut lacp, at(10), 1, 1, GOOD);
    hear(&mut lacp, at(20), 2, 2, GOOD);
    // Its own word: a cable between two of its ports.
    let own = lacp.status()[&3].actor;
    lacp.step(at(30), Input::Pdu { port: 0, pdu: Pdu::Lacp(Lacpdu { actor: own, partner: own }) });
    // One that may not be one of several.
    hear(&mut lacp, at(40), 3, 1, GOOD & !bits::AGGREGATION);
    for second in 0..5 {
        for (port, system) in [(1, 1), (2, 2)] {
            hear(&mut lacp, at(100 + 1000 * second), port, system, GOOD);
        }
    }
    assert_eq!(lacp.distributing(), &BTreeSet::from([1]), "the first that was heard");
    // Its partner goes: the other's turn.
    for second in 5..15 {
        hear(&mut lacp, at(100 + 1000 * second), 2, 2, GOOD);
    }
    assert_eq!(lacp.distributing(), &BTreeSet::from([2]));
}

#[test]
fn two_that_only_listen_say_nothing() {
    let mut config = config(1, [0], true);
    config.groups.get_mut(&1).expect("there").active = false;
    let mut lacp = Lacp::default();
    lacp.step(at(0), Input::Config(config));
    assert_eq!(sent(&lacp.step(at(0), Input::Links([0].into()))), []);
    assert_eq!(sent(&hear(&mut lacp, at(10), 0, 1, bits::AGGREGATION)), []);
    assert_ne!(sent(&hear(&mut lacp, at(20), 0, 1, GOOD)), [], "the other speaks: it answers");
}
