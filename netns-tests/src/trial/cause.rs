//! What makes a failover, or must not.

use std::fmt;
use std::time::Duration;

use rustix::process::Signal;

use super::setup::{Recovery, Setup, SlaveConfig};

/// Which scenarios to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The operator moves mastership
    Operator,
    /// The master dies
    Crash,
    /// Both
    Both,
    /// Both, then every cause, in the factory's configuration and in the hitless one
    All,
}

/// A kind of failover, as the report names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// `run msm-failover`.
    Operator,
    /// Death of the master.
    Crash,
}

/// The MSM that it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The master.
    Master,
    /// The slave.
    Slave,
}

/// A task of the master, for causes that are a task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One that the chassis cannot work without: the T-sync link's.
    Critical,
    /// Another one, that keeps history.
    Other,
}

/// One way to make it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `run msm-failover`.
    Command,
    /// A panic of one task of the master.
    Panic(Task),
    /// A signal to a process.
    Signal(Who, Signal),
    /// The master takes memory until it is killed.
    Memory,
    /// The process is stopped: its watchdog gets no kick.
    Stop(Who),
    /// A critical task of the master hangs: the process lives, and does not kick its watchdog.
    Hang,
    /// The master is stopped, its watchdog is slow, and the slave hears no keepalive: the backplane finds the master at fault.
    Freeze,
    /// The master lives and kicks its watchdog, and says nothing on the T-sync link: the backplane finds it well, so the slave is at fault.
    Silence,
    /// The master's diagnostics find an injected fault.
    Diagnostic,
    /// A module is pulled out.
    Removal(Who),
    /// `reboot slot ... hard-reset`.
    HardReset(Who),
    /// `reboot slot` of the slave.
    Reboot,
    /// Both MSMs die at once.
    BothDie,
}

/// What the table of causes says of one, before options are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The slave takes over and keeps what the options say.
    Keeps,
    /// The same, and the master's fabric is gone.
    KeepsOneFabric,
    /// The slave takes over with its own flash configuration; saved state is discarded.
    Discards,
    /// Mastership stays.
    Stays,
    /// Mastership stays, and the slave's fabric is gone.
    StaysOneFabric,
    /// Nobody is master for a while; who comes first adopts, with its flash configuration.
    Orphaned,
}

/// A critical task, as `debug hang` knows it: the one that carries out all others' wishes.
pub(super) const HANGING: &str = "main";
/// Watchdog time in the causes that wait for it, where the configuration can say it.
pub(super) const WATCHDOG: Duration = Duration::from_millis(500);
/// The same for keepalives.
pub(super) const KEEPALIVE: Duration = Duration::from_millis(500);
/// Both, where only the default is in force.
const DEFAULT: Duration = Duration::from_secs(2);
/// Longest time to know of what the kernel tells at once; a quarter of a second on a machine that is busy otherwise.
const AT_ONCE: Duration = Duration::from_millis(250);
/// Longest time to take all the memory that there is.
const TAKEN: Duration = Duration::from_secs(2);
/// Longest time of a self test.
const TESTED: Duration = Duration::from_secs(2);
/// Part of its time that a timer may be late.
const LATE: f64 = 1.2;

impl Choice {
    /// Scenarios of the choice, in the order they run.
    pub fn causes(self) -> &'static [Scenario] {
        match self {
            Self::Operator => &[Scenario::Operator],
            Self::Crash => &[Scenario::Crash],
            Self::Both | Self::All => &[Scenario::Operator, Scenario::Crash],
        }
    }
}

impl Scenario {
    /// As in `--scenario` and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Crash => "crash",
        }
    }

    /// Cause of trial `number`, from 1: crashes take turns.
    pub fn cause(self, number: u32) -> Cause {
        match (self, number % 3) {
            (Self::Operator, _) => Cause::Command,
            (Self::Crash, 1) => Cause::Signal(Who::Master, Signal::KILL),
            (Self::Crash, 2) => Cause::Signal(Who::Master, Signal::SEGV),
            (Self::Crash, _) => Cause::Panic(Task::Critical),
        }
    }
}

impl Task {
    /// As `debug exception` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "tsync",
            Self::Other => "history",
        }
    }
}

impl Cause {
    /// Every cause, in the order of the table.
    pub const ALL: [Self; 20] = [
        Self::Command,
        Self::Panic(Task::Critical),
        Self::Panic(Task::Other),
        Self::Signal(Who::Master, Signal::KILL),
        Self::Signal(Who::Master, Signal::SEGV),
        Self::Signal(Who::Master, Signal::ABORT),
        Self::Memory,
        Self::Stop(Who::Master),
        Self::Hang,
        Self::Freeze,
        Self::Silence,
        Self::Diagnostic,
        Self::Removal(Who::Master),
        Self::HardReset(Who::Master),
        Self::Removal(Who::Slave),
        Self::HardReset(Who::Slave),
        Self::Reboot,
        Self::Signal(Who::Slave, Signal::KILL),
        Self::Stop(Who::Slave),
        Self::BothDie,
    ];

    /// The row's name.
    pub fn name(self) -> String {
        match self {
            Self::Command => "operator".to_owned(),
            Self::Panic(Task::Critical) => "exception: critical task".to_owned(),
            Self::Panic(Task::Other) => "exception: other task".to_owned(),
            Self::Signal(Who::Master, signal) => format!("exception: {}", signal_name(signal)),
            Self::Signal(Who::Slave, signal) => format!("slave dies: {}", signal_name(signal)),
            Self::Memory => "exception: out of memory".to_owned(),
            Self::Stop(Who::Master) => "watchdog: process stopped".to_owned(),
            Self::Hang => "watchdog: task hangs".to_owned(),
            Self::Freeze => "keepalive: process stopped".to_owned(),
            Self::Silence => "silent link, sound master".to_owned(),
            Self::Diagnostic => "diagnostic failure".to_owned(),
            Self::Removal(Who::Master) => "hot removal of the master".to_owned(),
            Self::Removal(Who::Slave) => "hot removal of the slave".to_owned(),
            Self::HardReset(Who::Master) => "hard reset of the master".to_owned(),
            Self::HardReset(Who::Slave) => "hard reset of the slave".to_owned(),
            Self::Reboot => "slave rebooted".to_owned(),
            Self::Stop(Who::Slave) => "slave stopped".to_owned(),
            Self::BothDie => "both MSMs die".to_owned(),
        }
    }

    /// Whether `sys-recovery-level` decides what it does.
    pub fn is_exception(self) -> bool {
        matches!(self, Self::Panic(_) | Self::Signal(Who::Master, _) | Self::Memory)
    }

    /// What DESIGN's table of causes says.
    pub fn fate(self, recovery: Recovery) -> Fate {
        match self {
            Self::Command => Fate::Keeps,
            Self::Panic(task) => match (recovery, task) {
                (Recovery::None, _) | (Recovery::Critical, Task::Other) => Fate::Stays,
                (Recovery::Critical, Task::Critical) | (Recovery::All, _) => Fate::Keeps,
            },
            Self::Signal(Who::Master, _) | Self::Memory => match recovery {
                Recovery::None => Fate::Discards,
                Recovery::Critical | Recovery::All => Fate::Keeps,
            },
            Self::Stop(Who::Master) | Self::Hang | Self::Freeze => Fate::Discards,
            Self::Diagnostic | Self::Removal(Who::Master) | Self::HardReset(Who::Master) => {
                Fate::KeepsOneFabric
            }
            Self::Removal(Who::Slave)
            | Self::HardReset(Who::Slave)
            | Self::Stop(Who::Slave)
            | Self::Silence => Fate::StaysOneFabric,
            Self::Reboot | Self::Signal(Who::Slave, _) => Fate::Stays,
            Self::BothDie => Fate::Orphaned,
        }
    }

    /// The chassis is whole again by itself, or by what undoes the cause. A process that was made mute stays so for its life.
    pub fn heals(self) -> bool {
        self != Self::Silence
    }

    /// The word that `show msm-failover` has for it, if it moves mastership.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "admin",
            Self::Panic(_) | Self::Signal(..) | Self::Memory | Self::BothDie => "exception",
            Self::Stop(_) | Self::Hang => "watchdog",
            Self::Freeze | Self::Silence => "keepalive",
            Self::Diagnostic => "hwFailure",
            Self::Removal(_) | Self::HardReset(_) | Self::Reboot => "removal",
        }
    }

    /// Longest time until the others know.
    pub fn detected_within(self, setup: Setup) -> Duration {
        // With `slave-config flash` the slave hears nothing of what is configured.
        let of_slave = |time| if setup.slave == SlaveConfig::Flash { DEFAULT } else { time };
        match self {
            Self::Stop(Who::Master) | Self::Hang => WATCHDOG.mul_f64(LATE),
            Self::Stop(Who::Slave) => of_slave(WATCHDOG).mul_f64(LATE),
            Self::Freeze | Self::Silence => of_slave(KEEPALIVE).mul_f64(LATE),
            Self::Memory => TAKEN,
            Self::Diagnostic => TESTED,
            _ => AT_ONCE,
        }
    }

    /// Commands that have to be in force before it.
    pub fn prepare(self) -> Vec<String> {
        let watchdog = |time: Duration| format!("configure msm-failover watchdog {}", time.as_millis());
        let keepalive = |time: Duration| format!("configure msm-failover keepalive {}", time.as_millis());
        match self {
            Self::Stop(_) | Self::Hang => vec![watchdog(WATCHDOG)],
            // The watchdog is to have nothing to do with it.
            Self::Freeze | Self::Silence => vec![watchdog(Duration::from_secs(30)), keepalive(KEEPALIVE)],
            Self::Diagnostic => vec!["debug diagnostics fail".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn signal_name(signal: Signal) -> String {
    match signal {
        Signal::KILL => "SIGKILL".to_owned(),
        Signal::SEGV => "SIGSEGV".to_owned(),
        Signal::ABORT => "SIGABRT".to_owned(),
        other => format!("signal {}", other.as_raw()),
    }
}

/// What is done.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("run msm-failover"),
            Self::Signal(Who::Master, signal) => f.write_str(&signal_name(*signal)),
            Self::Signal(Who::Slave, signal) => write!(f, "{} to the slave", signal_name(*signal)),
            Self::Panic(Task::Critical) => f.write_str("panic"),
            Self::Panic(task) => write!(f, "panic of {}", task.name()),
            Self::Memory => f.write_str("debug exhaust memory"),
            Self::Stop(Who::Master) => f.write_str("SIGSTOP"),
            Self::Stop(Who::Slave) => f.write_str("SIGSTOP to the slave"),
            Self::Freeze => f.write_str("SIGSTOP, slow watchdog"),
            Self::Hang => write!(f, "debug hang {HANGING}"),
            Self::Silence => f.write_str("debug silence tsync"),
            Self::Diagnostic => f.write_str("run diagnostics, with a fault"),
            Self::Removal(_) => f.write_str("chassis remove"),
            Self::HardReset(_) => f.write_str("reboot slot hard-reset"),
            Self::Reboot => f.write_str("reboot slot"),
            Self::BothDie => f.write_str("SIGKILL to both"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_take_turns() {
        let causes: Vec<String> = (1..=4).map(|n| Scenario::Crash.cause(n).to_string()).collect();
        assert_eq!(causes, ["SIGKILL", "SIGSEGV", "panic", "SIGKILL"]);
        assert_eq!(Scenario::Operator.cause(3).to_string(), "run msm-failover");
    }

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let mut names: Vec<String> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
    }

    #[test]
    fn exceptions_alone_depend_on_the_recovery_level() {
        for cause in Cause::ALL {
            let fates = [Recovery::None, Recovery::Critical, Recovery::All].map(|level| cause.fate(level));
            let same = fates.iter().all(|fate| *fate == fates[0]);
            assert_eq!(same, !cause.is_exception(), "{cause}: {fates:?}");
        }
    }

    #[test]
    fn a_timer_s_cause_is_known_within_1_2_times_its_time() {
        let within = |cause: Cause, setup| cause.detected_within(setup).as_millis();
        assert_eq!(within(Cause::Stop(Who::Master), Setup::FACTORY), 600);
        assert_eq!(within(Cause::Freeze, Setup::HITLESS), 600);
        assert_eq!(within(Cause::Freeze, Setup::FACTORY), 2400, "the slave has the default");
    }
}
