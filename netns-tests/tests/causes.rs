//! Every cause under every lawful combination of failover options: what is lost, what is kept, who is master, what is recorded. Needs root.
//!
//! The ordinary run has a row a cause in the hitless configuration and the first ones in the factory's; the long run has all.

mod common;

use common::repeat;
use netns_tests::report::cause_table;
use netns_tests::report::schema::Report;
use netns_tests::trial::{Case, Cause, Matrix, Plan, Progress, Recovery, Setup, Who};
use rustix::process::Signal;

/// Frames a second and direction: a flow's frames are 3 ms apart, so that a gap of 20 ms is seen.
const PPS: u32 = 20_000;

/// Makes rows one after the other and fails with the table if one of them is red.
fn rows(prefix: &str, cases: impl IntoIterator<Item = Case>) {
    let progress = Progress::new(0);
    let plan = Plan { prefix: prefix.to_owned(), rate: PPS, trials: 1, steady_secs: 0.2 };
    let mut matrix = Matrix::new(plan, &progress);
    let causes: Vec<_> = cases.into_iter().map(|case| matrix.row(case).expect("a row")).collect();
    drop(matrix);
    let reasons: Vec<String> = causes
        .iter()
        .flat_map(|row| row.reasons().into_iter().map(|reason| format!("{}: {reason}", row.title())))
        .collect();
    let table = cause_table::text(&Report { causes, ..Report::default() });
    println!("{table}");
    assert!(reasons.is_empty(), "{}", reasons.join("\n"));
}

/// The combinations that a test covers: `ordinary` ones, or all six.
fn setups(ordinary: &[Setup]) -> Vec<Setup> {
    if repeat(0, 1) == 1 { Setup::LAWFUL.to_vec() } else { ordinary.to_vec() }
}

/// Causes under each of some combinations.
fn under(setups: &[Setup], causes: &[Cause]) -> Vec<Case> {
    setups.iter().flat_map(|&setup| causes.iter().map(move |&cause| Case { cause, setup })).collect()
}

#[test]
fn an_operator_s_failover_keeps_what_the_options_say() {
    let ordinary = [Setup::HITLESS, Setup::FACTORY];
    rows("ca1-", under(&setups(&ordinary), &[Cause::Command]));
}
