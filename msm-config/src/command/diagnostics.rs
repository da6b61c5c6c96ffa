//! Diagnostics: the self test, at once and repeated.

use super::rule::{Rule, given};
use super::{Action, Command, Show};
use crate::model::{Change, HealthChange};

fn change(change: HealthChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Health(change)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "run diagnostics",
        "Tests this MSM at once: golden frames through the running programs, the tables, the flash; frames are forwarded meanwhile",
        |_| Ok(Command::Act(Action::Diagnostics)),
    )
    .default("an MSM that fails is reset, and the other one takes over, if there is one that can")
    .example(&["run diagnostics"]),
    Rule::new("show diagnostics", "What the last self test of this MSM found", |_| {
        Ok(Command::Show(Show::Diagnostics))
    })
    .example(&["run diagnostics", "show diagnostics"]),
    Rule::new("enable sys-health-check", "Repeats the self test", |_| change(HealthChange::Enable(true)))
        .example(&["enable sys-health-check"]),
    Rule::new("disable sys-health-check", "Repeats the self test no more", |_| {
        change(HealthChange::Enable(false))
    })
    .example(&["disable sys-health-check"]),
    Rule::new(
        "configure sys-health-check interval <seconds:2..3600>",
        "Time from one self test to the next",
        |a| change(HealthChange::Interval(given(a.number("seconds"))?)),
    )
    .default("60 seconds")
    .example(&["configure sys-health-check interval 30"]),
    Rule::new("debug diagnostics [fail | pass]", "Makes the next self tests of this MSM find a fault", |a| {
        Ok(Command::Act(Action::InjectFault(a.has("fail"))))
    })
    .hidden(),
];
