//! Every cause under every lawful combination of failover options: what is lost, what is kept, who is master, what is recorded. Needs root.
//!
//! The ordinary run has rows that stand for the others; the long run has all.

mod common;

use common::repeat;
use netns_tests::report::cause_table;
use netns_tests::report::schema::Report;
use netns_tests::trial::{Case, Cause, Matrix, Plan, Progress, Recovery, Setup, Task, Who};
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

/// Causes under each of some combinations.
fn under(setups: &[Setup], causes: &[Cause]) -> Vec<Case> {
    setups.iter().flat_map(|&setup| causes.iter().map(move |&cause| Case { cause, setup })).collect()
}

/// In the ordinary run one of each kind; all in the long one.
fn causes(ordinary: &[Cause]) -> Vec<Cause> {
    if repeat(0, 1) == 1 { Cause::ALL.to_vec() } else { ordinary.to_vec() }
}

#[test]
fn causes_in_the_hitless_configuration_lose_what_the_table_allows() {
    let ordinary = [
        Cause::Command,
        Cause::Panic(Task::Critical),
        Cause::Signal(Who::Master, Signal::KILL),
        Cause::Memory,
        Cause::Stop(Who::Master),
        Cause::Freeze,
        Cause::Diagnostic,
        Cause::Removal(Who::Master),
        Cause::HardReset(Who::Slave),
        Cause::Reboot,
        Cause::BothDie,
    ];
    rows("ca1-", under(&[Setup::HITLESS], &causes(&ordinary)));
}

#[test]
fn causes_in_the_factory_s_configuration_start_anew() {
    let ordinary = [Cause::Command, Cause::Signal(Who::Master, Signal::KILL)];
    rows("ca2-", under(&[Setup::FACTORY], &causes(&ordinary)));
}

#[test]
fn the_recovery_level_decides_what_an_exception_does() {
    let exceptions: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| cause.is_exception()).collect();
    let (critical, none) =
        (Setup::HITLESS.recovering(Recovery::Critical), Setup::HITLESS.recovering(Recovery::None));
    let ordinary = [
        Case { cause: Cause::Panic(Task::Other), setup: critical },
        Case { cause: Cause::Panic(Task::Critical), setup: none },
    ];
    let all = under(&[critical, none], &exceptions);
    rows("ca3-", if repeat(0, 1) == 1 { all } else { ordinary.to_vec() });
}

#[test]
fn every_lawful_combination_keeps_what_it_says() {
    // Those of the tests above are two of the six; the ordinary run has one more: links stay up, the configuration is inherited, tables are not preserved.
    let all = &Setup::LAWFUL[..5];
    let setups = if repeat(0, 1) == 1 { all } else { &all[3..4] };
    rows("ca4-", under(setups, &causes(&[Cause::Command])));
}
