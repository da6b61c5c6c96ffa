//! Checkers, apart from the machines: they see effects, answers and deaths, never a machine's inside.
//!
//! One file each. What a failover may lose they know from the table of DESIGN.md section 7 (`table.rs`), not from the machines.

mod causes;
mod commands;
mod exits;
mod parcels;
mod quiet;
mod replay;
mod resets;
mod table;
mod takeovers;
mod waiting;
mod writers;

use std::fmt;

pub(crate) use {
    commands::Commands,
    parcels::Parcels,
    takeovers::{Fallen, Serving, Takeovers},
    waiting::Waiting,
    writers::Writers,
};

/// What must hold, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// At most one writer an epoch (law 3).
    OneWriter,
    /// A takeover writes differences (law 4).
    AdoptsDifferences,
    /// An acknowledged command is never lost, a refused one never there (law 5).
    Acknowledged,
    /// Ready means ready: it takes over, and loses nothing that it may not.
    ReadyMeansReady,
    /// What a takeover keeps and discards is what the table of causes says.
    TableOfCauses,
    /// A cause that is recorded has happened.
    TrueCause,
    /// Nobody resets a healthy master.
    HealthyMaster,
    /// No state is without an exit.
    Exits,
    /// Who asks is answered, once.
    Answers,
    /// A quiet system becomes what is wanted.
    Converges,
    /// A recorded run replays to the same outputs (law 6).
    Replays,
    /// A machine does not panic.
    NoPanic,
}

/// A law that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.text)
    }
}

/// What the checkers have found.
#[derive(Debug, Default)]
pub(crate) struct Found(pub(crate) Vec<Violation>);

impl Found {
    pub(crate) fn fail(&mut self, law: Law, text: impl Into<String>) {
        self.0.push(Violation { law, text: text.into() });
    }
}

/// How much was exercised: a run that exercises nothing is no good run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) acknowledged: u64,
    /// Takeovers, by what they were: hitless, partial, not hitless, adopted.
    pub(crate) takeovers: [u64; 4],
    /// Runs of machines that were replayed.
    pub(crate) replayed: u64,
    /// Commands whose apply ended a master.
    pub(crate) killed: u64,
    /// Commands given up because a master died trying them again.
    pub(crate) given_up: u64,
    pub(crate) synchronized: u64,
    /// Resets by the backplane.
    pub(crate) resets: u64,
    /// Failovers by the cause that was recorded, in the order of [`msm_proto::Cause::ALL`].
    pub(crate) causes: [u64; 7],
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        let sum = |all: &mut [u64], more: &[u64]| all.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        self.acknowledged += other.acknowledged;
        sum(&mut self.takeovers, &other.takeovers);
        self.replayed += other.replayed;
        self.killed += other.killed;
        self.given_up += other.given_up;
        self.synchronized += other.synchronized;
        self.resets += other.resets;
        sum(&mut self.causes, &other.causes);
    }
}

#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) found: Found,
    pub(crate) totals: Totals,
    pub(crate) commands: Commands,
    pub(crate) parcels: Parcels,
    pub(crate) waiting: Waiting,
    pub(crate) takeovers: Takeovers,
}
