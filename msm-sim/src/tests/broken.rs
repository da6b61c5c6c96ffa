//! The checkers are worth something: each broken law is seen, by the checker whose it is.

use crate::{Broken, Law, plan::Plan, play::play};

/// Seeds in which it has to be seen.
const WITHIN: u64 = 10_000;

/// The laws that the first finding may be of.
fn laws(broken: Broken) -> &'static [Law] {
    match broken {
        Broken::Nothing => &[],
        Broken::OwnerKeepsItsHandle | Broken::TwoMasters => &[Law::OneWriter],
        Broken::TakeoverWrites => &[Law::AdoptsDifferences],
        Broken::TakeoverFlushes => &[Law::ReadyMeansReady],
        // Who is called ready and has not what was answered does not take over, or without it.
        Broken::AnswersBeforeReplicating => &[Law::Acknowledged, Law::ReadyMeansReady],
        Broken::AcksWithoutStoring | Broken::CutsParts | Broken::TriesUnmarked => &[Law::Acknowledged],
        Broken::MetaStaysReady => &[Law::Acknowledged, Law::ReadyMeansReady, Law::Converges],
        Broken::SickSlaveResets => &[Law::HealthyMaster],
        Broken::WrongReason => &[Law::TrueCause],
        Broken::ForgetsResults => &[Law::Exits],
        Broken::LeavesFabric => &[Law::Converges],
    }
}

fn is_seen(broken: Broken) {
    let seen = (0..WITHIN).find_map(|seed| {
        let violation = play(&Plan::of(seed), broken, false).violations.into_iter().next()?;
        Some((seed, violation))
    });
    let Some((seed, violation)) = seen else { panic!("{broken:?} is not seen in {WITHIN} seeds") };
    println!("{broken:?} is seen with seed {seed}: {violation}");
    assert!(laws(broken).contains(&violation.law), "{broken:?}, seed {seed}: {violation}");
}

#[test]
fn law_3_one_owner() {
    is_seen(Broken::OwnerKeepsItsHandle);
    is_seen(Broken::TwoMasters);
}

#[test]
fn law_4_adopt_writes_differences() {
    is_seen(Broken::TakeoverWrites);
    is_seen(Broken::TakeoverFlushes);
}

#[test]
fn law_5_replicated_before_acknowledged() {
    is_seen(Broken::AnswersBeforeReplicating);
    is_seen(Broken::AcksWithoutStoring);
    is_seen(Broken::MetaStaysReady);
    is_seen(Broken::TriesUnmarked);
    is_seen(Broken::CutsParts);
}

#[test]
fn a_healthy_master_is_not_reset() {
    is_seen(Broken::SickSlaveResets);
}

#[test]
fn a_cause_has_happened() {
    is_seen(Broken::WrongReason);
}

#[test]
fn no_state_is_without_an_exit() {
    is_seen(Broken::ForgetsResults);
}

#[test]
fn quiet_is_what_is_wanted() {
    is_seen(Broken::LeavesFabric);
}

#[test]
fn each_switch_has_a_law() {
    assert!(Broken::ALL.into_iter().all(|broken| !laws(broken).is_empty()));
}
