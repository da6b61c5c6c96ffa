//! A seed is the same run each time; a failing one is reduced and fails still.

use crate::{Ask, Broken, plan::Plan, play::play, run, shrink::shrink, tell};

#[test]
fn the_same_seed_comes_to_the_same_end() {
    for seed in 0..40 {
        let [one, again, told] =
            [false, false, true].map(|verbose| play(&Plan::of(seed), Broken::Nothing, verbose).digest);
        assert_eq!((one, one), (again, told), "seed {seed}");
    }
    assert_ne!(
        play(&Plan::of(1), Broken::Nothing, false).digest,
        play(&Plan::of(2), Broken::Nothing, false).digest
    );
}

#[test]
fn a_failing_seed_is_reduced_to_what_it_needs() {
    let broken = Broken::MetaStaysReady;
    let seed = (0..1_000).find(|seed| !play(&Plan::of(*seed), broken, false).violations.is_empty());
    let whole = Plan::of(seed.expect("it is seen"));
    let law = play(&whole, broken, false).violations[0].law;
    let reduced = shrink(&whole, broken, law);
    assert!(reduced.steps.len() * 2 < whole.steps.len(), "{} of {}", reduced.steps.len(), whole.steps.len());
    let [one, again] = [(); 2].map(|()| play(&reduced, broken, false));
    assert_eq!((one.violations[0].law, one.digest), (law, again.digest));
    // What is printed is the reduced run.
    let (text, violations) = tell(whole.seed, broken, true);
    assert!(violations[0].law == law && text.contains(&format!("{:016x}", one.digest)), "{text}");
}

#[test]
fn some_seeds_break_no_law_and_exercise_enough() {
    let report = run(&Ask { from: 0, seeds: 300, threads: 2, broken: Broken::Nothing });
    assert!(report.failed.is_none() && report.worth, "{report:?}");
}
