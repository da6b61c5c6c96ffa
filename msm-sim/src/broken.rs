//! Laws that a run breaks on purpose: the checkers must see it.

/// A test-only switch: what the world, or a wrapper of the master's outputs, does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Broken {
    /// None.
    Nothing,
    /// Law 3: a release frees the lock, but keeps its writable fds.
    OwnerKeepsItsHandle,
    /// Law 3: a tree is taken although its owner lives.
    TwoMasters,
    /// Law 4: a takeover writes all of its configuration again.
    TakeoverWrites,
    /// Law 4: a hitless takeover flushes what was learned.
    TakeoverFlushes,
    /// Law 5: the master answers before its slave has the record: acknowledgements come to it as soon as it has sent.
    AnswersBeforeReplicating,
    /// Law 5: the slave acknowledges a record and stores something else.
    AcksWithoutStoring,
    /// Law 5: META's ready slot is never taken back.
    MetaStaysReady,
    /// Law 5: META does not say which redo record is being tried.
    TriesUnmarked,
    /// A part of a record is cut short on its way.
    CutsParts,
    /// The backplane resets whom a slave suspects, without asking.
    SickSlaveResets,
    /// Notices of the backplane say another reason.
    WrongReason,
    /// What META says is never told: an effect has no end.
    ForgetsResults,
    /// An owner does not program a fabric that came back.
    LeavesFabric,
}

impl Broken {
    /// Each of them.
    pub const ALL: [Self; 13] = [
        Self::OwnerKeepsItsHandle,
        Self::TwoMasters,
        Self::TakeoverWrites,
        Self::TakeoverFlushes,
        Self::AnswersBeforeReplicating,
        Self::AcksWithoutStoring,
        Self::MetaStaysReady,
        Self::TriesUnmarked,
        Self::CutsParts,
        Self::SickSlaveResets,
        Self::WrongReason,
        Self::ForgetsResults,
        Self::LeavesFabric,
    ];
}
