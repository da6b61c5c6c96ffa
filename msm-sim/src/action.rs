//! One thing that happens to a chassis.

use std::time::Duration;

use msm_proto::{
    LinkAction, Options, Preserve, RecoveryLevel, Refusal, SlaveConfig, Slot,
    backplane::{Bay, Operate},
};

use crate::{
    MS,
    faults::CommitFault,
    host::{ENDS, LARGE, PANICS},
    random::Random,
    world::World,
};

/// Whom it concerns, when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The master, else A.
    Master,
    Slot(Slot),
}

/// See the file's first line. Ids are those of commands.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Commands { to: Who, ids: Vec<u64> },
    Options { id: u64, options: Options },
    Synchronize { to: Who, id: u64 },
    Failover { to: Who, id: u64 },
    Panic { critical: bool },
    Kill(Who),
    KillBoth,
    CrashAfter { who: Who, outputs: u64 },
    ApplyKills,
    AppliesFail(u64),
    Commit(CommitFault),
    ReopensFail(u64),
    MetaHides(u64),
    LoadsFail(u64),
    StartsFail(u64),
    HardwareFails(bool),
    FlashFull(bool),
    Cut { mends: bool },
    Mend,
    Silence { from: Who, ms: u64 },
    Stop { who: Who, ms: u64 },
    Jump { ms: u64 },
    Diagnostics(Who),
    Remove(Who),
    RemoveBay(Bay),
    Insert(Bay),
    Reset { who: Who, hard: bool },
    ResetAll,
    KillBackplane,
    StopBackplane { ms: u64 },
    Learn(u64),
}

/// Options of every lawful kind.
pub(crate) fn any_options(random: &mut Random) -> Options {
    let lawful = [
        (LinkAction::TakeLinksDown, SlaveConfig::Flash),
        (LinkAction::TakeLinksDown, SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::None), SlaveConfig::Flash),
        (LinkAction::KeepLinksUp(Preserve::None), SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::L2), SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::L2L3), SlaveConfig::Inherited),
    ];
    let silences = [100, 200, 500, 1_000, 2_000];
    let (link_action, slave_config) = random.pick(&lawful);
    Options {
        link_action,
        slave_config,
        recovery: random.pick(&[RecoveryLevel::None, RecoveryLevel::Critical, RecoveryLevel::All]),
        watchdog: Duration::from_millis(random.pick(&silences)),
        keepalive: Duration::from_millis(random.pick(&silences)),
        ..Options::default()
    }
}

/// Hitless ones, with short times.
pub(crate) fn hitless(random: &mut Random) -> Options {
    let any = any_options(random);
    let recovery = if random.chance(80) { RecoveryLevel::All } else { any.recovery };
    Options { recovery, watchdog: any.watchdog, keepalive: any.keepalive, ..Options::hitless() }
}

/// Makes actions; numbers commands.
pub(crate) struct Maker {
    random: Random,
    next_id: u64,
    /// Commands so far.
    known: Vec<u64>,
}

impl Maker {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, next_id: 1, known: Vec::new() }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    pub(crate) fn make(&mut self) -> Action {
        let any = Who::Slot(self.random.pick(&[Slot::A, Slot::B]));
        let mostly_master = if self.random.chance(92) { Who::Master } else { any };
        match self.random.range(0, 100) {
            0..30 => {
                let many = self.random.range(1, 6);
                let ids = (0..many).map(|_| self.kind() | self.id()).collect::<Vec<_>>();
                self.known.extend(&ids);
                Action::Commands { to: mostly_master, ids }
            }
            30..34 if self.known.is_empty() => Action::Learn(5),
            // The client asks again, with the same id.
            30..34 => Action::Commands { to: Who::Master, ids: vec![self.random.pick(&self.known)] },
            34..38 => {
                let options = if self.random.chance(50) {
                    hitless(&mut self.random)
                } else {
                    any_options(&mut self.random)
                };
                let id = self.id().next_multiple_of(10);
                self.next_id = id + 1;
                Action::Options { id, options }
            }
            38..42 => Action::Synchronize { to: mostly_master, id: self.id() },
            42..48 => Action::Failover { to: mostly_master, id: 1 << 32 | self.id() },
            48..52 => Action::Kill(mostly_master),
            52..55 => Action::Kill(any),
            55 => Action::KillBoth,
            56..59 => Action::CrashAfter { who: mostly_master, outputs: self.random.range(0, 30) },
            59 => Action::ApplyKills,
            60..62 => Action::Panic { critical: self.random.chance(50) },
            62..66 => Action::Cut { mends: self.random.chance(60) },
            66..69 => Action::Stop { who: mostly_master, ms: self.random.range(1, 600) },
            69..72 => Action::Stop { who: any, ms: self.random.range(100, 3_000) },
            72..75 => Action::Silence { from: any, ms: self.random.range(50, 3_000) },
            75 => Action::Jump { ms: self.random.range(10, 5_000) },
            76..79 => Action::Reset { who: mostly_master, hard: self.random.chance(60) },
            79 => Action::Reset { who: any, hard: self.random.chance(60) },
            80..82 => Action::Remove(mostly_master),
            82..85 => Action::Insert(self.random.pick(&Bay::ALL)),
            85 => self.rare(),
            86 => Action::RemoveBay(self.random.pick(&Bay::ALL)),
            87..89 => Action::Diagnostics(mostly_master),
            89..91 => Action::KillBackplane,
            91 => Action::StopBackplane { ms: self.random.range(20, 3_000) },
            92..94 => Action::Commit(match self.random.range(0, 3) {
                0 => CommitFault::Before(Refusal::OwnerLives),
                1 => CommitFault::Before(Refusal::Failed("told to".into())),
                _ => CommitFault::AfterRename,
            }),
            94..96 => self.fault(),
            _ => Action::Learn(self.random.range(1, 20)),
        }
    }

    fn kind(&mut self) -> u64 {
        match self.random.range(0, 50) {
            0 => PANICS,
            1..3 => ENDS,
            3..5 => LARGE,
            _ => 0,
        }
    }

    fn rare(&mut self) -> Action {
        match self.random.range(0, 3) {
            0 => Action::ResetAll,
            1 => Action::StartsFail(self.random.range(1, 4)),
            _ => Action::KillBackplane,
        }
    }

    fn fault(&mut self) -> Action {
        match self.random.range(0, 7) {
            0 => Action::AppliesFail(self.random.range(1, 4)),
            1 => Action::ReopensFail(self.random.range(1, 30)),
            2 => Action::MetaHides(self.random.range(1, 3)),
            3 => Action::LoadsFail(1),
            4 => Action::HardwareFails(self.random.chance(50)),
            _ => Action::FlashFull(self.random.chance(60)),
        }
    }

    /// An id that no command has.
    pub(crate) fn last_id(&self) -> u64 {
        self.next_id
    }
}

impl World {
    fn who(&self, who: Who) -> Slot {
        match who {
            Who::Master => self.master().unwrap_or(Slot::A),

            Who::Slot(slot) => slot,
        }
    }

    pub(crate) fn act(&mut self, action: &Action) {
        self.note(|| format!("--- {action:?}"));
        match *action {
            Action::Commands { to, ref ids } => {
                let to = self.who(to);
                ids.iter().for_each(|id| self.command(to, *id));
            }
            Action::Options { id, options } => {
                let to = self.who(Who::Master);
                self.command_with(to, id, Some(options));
            }
            Action::Synchronize { to, id } => self.synchronize(self.who(to), id),
            Action::Failover { to, id } => self.run_failover(self.who(to), id),
            Action::Panic { critical } => self.panic(self.who(Who::Master), critical),
            Action::Kill(who) => self.kill(self.who(who)),
            Action::KillBoth => {
                self.kill(Slot::A);
                self.kill(Slot::B);
            }
            Action::CrashAfter { who, outputs } => self.faults.crash_after(self.who(who), outputs),
            Action::ApplyKills => self.faults.apply_kills = true,
            Action::AppliesFail(many) => self.faults.applies_fail = many,
            Action::Commit(ref fault) => self.faults.commit = Some(fault.clone()),
            Action::ReopensFail(many) => self.faults.reopens_fail = many,
            Action::MetaHides(many) => self.faults.meta_hides = many,
            Action::LoadsFail(many) => self.faults.loads_fail = many,
            Action::StartsFail(many) => self.faults.starts_fail = many,
            Action::HardwareFails(fails) => self.faults.hardware_fails = fails,
            Action::FlashFull(full) => self.faults.flash_full = full,
            Action::Cut { mends } => {
                self.wired = mends;
                self.cut();
            }
            Action::Mend => {
                self.wired = true;
                self.wire();
            }
            Action::Silence { from, ms } => self.silence(self.who(from), ms * MS),
            Action::Stop { who, ms } => {
                self.faults.timers_first = true;
                self.pause(self.who(who), ms * MS);
            }
            Action::Jump { ms } => self.jump(ms * MS),
            Action::Diagnostics(who) => self.diagnostics_fail(self.who(who)),
            Action::Remove(who) => self.operate(Operate::Remove(self.who(who).into())),
            Action::RemoveBay(bay) => self.operate(Operate::Remove(bay)),
            Action::Insert(bay) => self.operate(Operate::Insert(bay)),
            Action::Reset { who, hard } => self.operate(Operate::Reset { slot: self.who(who), hard }),
            Action::ResetAll => self.operate(Operate::ResetAll),
            Action::KillBackplane => self.kill_backplane(),
            Action::StopBackplane { ms } => self.stop_backplane(ms * MS),
            Action::Learn(stations) => self.tables.learn(stations),
        }
    }
}
