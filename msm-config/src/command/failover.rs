//! `msm-failover` and `sys-recovery-level`.

use msm_proto::{EsrpFailoverMode, LinkAction, Preserve, RecoveryLevel, Routing, SlaveConfig};

use super::rule::{Rule, given};
use super::{Action, Command};
use crate::model::{Change, FailoverChange};

fn change(change: FailoverChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Failover(change)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("run msm-failover", "Makes the slave MSM master", |_| Ok(Command::Act(Action::Failover)))
        .example(&["run msm-failover"]),
    Rule::new(
        "configure msm-failover slave-config [inherited | flash]",
        "Whose configuration a new master uses: the old master's, or that of its own flash",
        |a| {
            let sources = [("inherited", SlaveConfig::Inherited), ("flash", SlaveConfig::Flash)];
            change(FailoverChange::SlaveConfig(given(a.which(&sources))?))
        },
    )
    .default("flash")
    .example(&["configure msm-failover slave-config inherited"]),
    Rule::new(
        "configure msm-failover link-action [keep-links-up {preserve-state [l2 | l2_l3]} | take-links-down]",
        "What a failover does to the ports, and which state it preserves",
        |a| {
            let preserve = [("l2", Preserve::L2), ("l2_l3", Preserve::L2L3)];
            change(FailoverChange::LinkAction(match a.has("take-links-down") {
                true => LinkAction::TakeLinksDown,
                false => LinkAction::KeepLinksUp(a.which(&preserve).unwrap_or(Preserve::None)),
            }))
        },
    )
    .default("take-links-down; preserve-state needs slave-config inherited")
    .example(&[
        "configure msm-failover slave-config inherited",
        "configure msm-failover link-action keep-links-up preserve-state l2_l3",
    ]),
    Rule::new(
        "configure msm-failover timeout <seconds:30..300>",
        "How long preserved layer 3 state waits to be claimed after a failover",
        |a| change(FailoverChange::Timeout(given(a.number("seconds"))?)),
    )
    .default("60")
    .example(&["configure msm-failover timeout 90"]),
    Rule::new(
        "configure msm-failover esrp-failover-mode [none | rapid-reelection | remain-esrp-master-in-l2-domains {<reelect:15..180>}]",
        "What ESRP does at a failover; reelect is the time in seconds after which it elects anew",
        |a| {
            let modes = [
                ("none", EsrpFailoverMode::None),
                ("rapid-reelection", EsrpFailoverMode::RapidReelection),
                ("remain-esrp-master-in-l2-domains", EsrpFailoverMode::RemainMaster),
            ];
            change(FailoverChange::Esrp(given(a.which(&modes))?, a.number("reelect")))
        },
    )
    .default("none; reelect 30")
    .example(&["configure msm-failover esrp-failover-mode rapid-reelection"]),
    Rule::new(
        "configure msm-failover routing [preserve | restart]",
        "Whether routing protocols are left alone by a failover, or start anew while flows live on",
        |a| {
            let routing = [("preserve", Routing::Preserve), ("restart", Routing::Restart)];
            change(FailoverChange::Routing(given(a.which(&routing))?))
        },
    )
    .default("restart")
    .example(&["configure msm-failover routing preserve"]),
    Rule::new(
        "configure msm-failover watchdog <milliseconds:100..30000>",
        "How long an MSM may leave its watchdog without a kick before it is reset",
        |a| change(FailoverChange::Watchdog(given(a.number("milliseconds"))?)),
    )
    .default("2000")
    .example(&["configure msm-failover watchdog 1000"]),
    Rule::new(
        "configure msm-failover keepalive <milliseconds:100..30000>",
        "How long a slave may hear nothing of its master before it asks for its reset",
        |a| change(FailoverChange::Keepalive(given(a.number("milliseconds"))?)),
    )
    .default("2000")
    .example(&["configure msm-failover keepalive 1000"]),
    Rule::new("unconfigure msm-failover", "Failover options back to their defaults", |_| {
        change(FailoverChange::Unconfigure)
    })
    .example(&["unconfigure msm-failover"]),
    Rule::new(
        "configure sys-recovery-level [none | [all | critical] msm-failover]",
        "Which exceptions of tasks make the slave MSM master",
        |a| {
            let levels = [
                ("none", RecoveryLevel::None),
                ("all", RecoveryLevel::All),
                ("critical", RecoveryLevel::Critical),
            ];
            change(FailoverChange::Recovery(given(a.which(&levels))?))
        },
    )
    .default("none")
    .example(&["configure sys-recovery-level all msm-failover"]),
];
