//! Every command: what a line asks for, and the rules that say so.

mod access;
mod accounts;
mod bgp;
mod chassis;
mod diagnostics;
mod failover;
mod fdb;
mod files;
mod log;
mod management;
mod ospf;
mod ports;
mod rip;
mod routing;
mod rule;
mod session;
mod sharing;
mod show;
mod vlan;

use std::sync::LazyLock;

use msm_proto::Slot;

pub use rule::Rule;

pub use crate::area::Area;
use crate::grammar::{Choice, Fault, Tree, Wrong, split};
use crate::model::{Access, Change, Severity};
use crate::name::Name;
use crate::port::PortName;
use crate::portlist::PortList;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reading.
    Show(Show),
    /// A change of the configuration.
    Change(Change),
    /// Something that is done once.
    Act(Action),
    /// Something of the client's own.
    Session(Session),
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// `show switch`
    Switch,
    /// `show version`
    Version,
    /// `show configuration`
    Configuration,
    /// `show msm-failover`
    Failover,
    /// `show fdb`
    Fdb(FdbSelection),
    /// `show ports`
    Ports {
        /// These; `None`: all.
        list: Option<PortList>,
        /// A block each, with all that is known.
        detail: bool,
    },
    /// `show sharing`
    Sharing,
    /// `show lacp`
    Lacp,
    /// `show vlan`
    Vlan {
        /// This one.
        name: Option<Name>,
        /// With members.
        detail: bool,
    },
    /// `show iproute`
    Routes(RouteSelection),
    /// `show ipfdb`
    Hosts(RouteSelection),
    /// `show iparp`
    Neighbours(RouteSelection),
    /// `show ipconfig`
    IpConfig(Option<Name>),
    /// `show log`
    Log {
        /// The ring that outlives a boot.
        nvram: bool,
        /// This bad or worse.
        severity: Option<Severity>,
    },
    /// `show accounts`
    Accounts,
    /// `show session`
    Session,
    /// `show memory`
    Memory,
    /// `show dns-client`
    Dns,
    /// `show syslog`
    Syslog,
    /// `show mirroring`
    Mirroring,
    /// `show cpu-protection`
    CpuProtection,
    /// `show diagnostics`
    Diagnostics,
    /// `show access-list`
    AccessList(Option<Name>),
    /// `show ospf`, `show bgp`, `show rip`
    Routing(Protocol, RoutingShow),
}

/// A routing protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OSPF.
    Ospf,
    /// BGP.
    Bgp,
    /// RIP.
    Rip,
}

/// What to read of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingShow {
    /// `show ospf`
    Summary,
    /// `show ospf neighbor`
    Neighbors,
    /// `show ospf interfaces`
    Interfaces,
}

/// Which stations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdbSelection {
    /// This station.
    pub mac: Option<crate::mac::Mac>,
    /// Of this VLAN.
    pub vlan: Option<Name>,
    /// On these ports.
    pub ports: Option<PortList>,
}

/// Which routes, hosts or neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSelection {
    /// Of this address, or that lead to it.
    pub address: Option<std::net::IpAddr>,
    /// Of this VLAN, or into it.
    pub vlan: Option<Name>,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// On a TFTP server, by address or name.
    Tftp {
        /// The server.
        host: String,
        /// The file.
        file: String,
    },
    /// Where the client runs.
    Local(String),
}

/// Something that is done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `run msm-failover`
    Failover,
    /// `save`
    Save(Option<Area>),
    /// `use configuration`
    UseConfiguration(Area),
    /// `use image`
    UseImage(Area),
    /// `synchronize`
    Synchronize,
    /// `reboot`
    Reboot {
        /// One slot; both without.
        slot: Option<Slot>,
        /// By the reset button: its fabric, too.
        hard: bool,
    },
    /// `clear fdb`
    ClearFdb(FdbSelection),
    /// `clear iparp`
    ClearArp(RouteSelection),
    /// `clear log`
    ClearLog {
        /// The ring that outlives a boot.
        nvram: bool,
    },
    /// `clear counters`
    ClearCounters,
    /// `clear access-list counters`
    ClearAccessCounters,
    /// `upload configuration`
    Upload(Location),
    /// `download configuration`
    Download {
        /// From where.
        from: Location,
        /// Into the running configuration.
        incremental: bool,
    },
    /// `capture port`
    Capture {
        /// The port.
        port: PortName,
        /// The file, where the client runs.
        file: String,
        /// Frames at most.
        count: u32,
        /// Seconds at most.
        seconds: u32,
    },
    /// `run diagnostics`
    Diagnostics,
    /// `debug diagnostics`: the next self tests find a fault, or none.
    InjectFault(bool),
    /// `debug ...`
    Damage(Damage),
}

/// What the asked MSM does to itself, to try what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// This task panics.
    Exception(String),
    /// This task never gives its thread back.
    Hang(String),
    /// Nothing is said to the other MSM any more; what it says is heard.
    Silence,
    /// Memory is taken until there is none.
    Exhaust,
}

/// Something of the client's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// `exit`
    Exit,
    /// `history`
    History,
}

impl Command {
    /// Whether an account that may only look may do it.
    #[must_use]
    pub fn access(&self) -> Access {
        match self {
            Self::Show(Show::Configuration | Show::Accounts) | Self::Change(_) | Self::Act(_) => {
                Access::Admin
            }
            Self::Show(_) | Self::Session(_) => Access::User,
        }
    }
}

/// All rules, in the order of the reference.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        show::RULES,
        chassis::RULES,
        diagnostics::RULES,
        failover::RULES,
        files::RULES,
        vlan::RULES,
        ports::RULES,
        sharing::RULES,
        fdb::RULES,
        access::RULES,
        routing::RULES,
        ospf::RULES,
        bgp::RULES,
        rip::RULES,
        accounts::RULES,
        management::RULES,
        log::RULES,
        session::RULES,
    ]
    .into_iter()
    .flatten()
}

struct Language {
    rules: Vec<&'static Rule>,
    tree: Tree,
}

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let rules: Vec<_> = rules().collect();
    let tree = Tree::new(rules.iter().map(|rule| (rule.syntax, rule.hidden)));
    Language { rules, tree }
});

/// Number of parameters and what they are, for the reference.
pub(crate) fn parameters(rule: usize) -> Vec<crate::grammar::Parameter> {
    LANGUAGE.tree.parameters(rule)
}

/// Reads a command line.
///
/// # Errors
/// Which word is wrong, what could stand there, and what may have been meant.
pub fn parse(line: &str) -> Result<Command, Fault> {
    let words = split(line)?;
    let found = LANGUAGE.tree.read(line, &words)?;
    (LANGUAGE.rules[found.rule].build)(&found.arguments)
        .map_err(|why| Fault::new(whole(&words), Wrong::Refused(why)))
}

/// What the line asks its user before it is carried out, if it is a command with a question.
#[must_use]
pub fn question(line: &str) -> Option<&'static str> {
    let words = split(line).ok()?;
    let found = LANGUAGE.tree.read(line, &words).ok()?;
    LANGUAGE.rules[found.rule].question
}

fn whole(words: &[crate::grammar::Word<'_>]) -> std::ops::Range<usize> {
    match words {
        [] => 0..0,
        [first, .., last] => first.span.start..last.span.end,
        [only] => only.span.clone(),
    }
}

/// What may stand at the end of `line`, and where the word that is being typed begins. For help and completion.
#[must_use]
pub fn choices(line: &str) -> (usize, Vec<Choice>) {
    let start = line.rfind([' ', '\t']).map_or(0, |blank| blank + 1);
    let Ok(words) = split(&line[..start]) else { return (start, Vec::new()) };
    let help = |rule: usize| LANGUAGE.rules[rule].help.to_owned();
    (start, LANGUAGE.tree.choices(&words, &line[start..], help))
}

#[cfg(test)]
mod tests;
