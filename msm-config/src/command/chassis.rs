//! The chassis as a whole: factory defaults, reboot, exceptions.

use msm_proto::Slot;

use super::rule::{Rule, given};
use super::{Action, Command};
use crate::model::Change;

fn slot(a: &crate::grammar::Arguments) -> Option<Slot> {
    a.which(&[("msm-a", Slot::A), ("msm-b", Slot::B)])
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "unconfigure switch {all}",
        "The running configuration becomes the factory's; with all, the accounts too",
        |a| Ok(Command::Change(Change::Factory { accounts: a.has("all") })),
    )
    .default("accounts stay as they are")
    .asks("Reset the running configuration to factory defaults?")
    .example(&["create vlan red", "unconfigure switch"]),
    Rule::new(
        "reboot {slot [msm-a | msm-b]}",
        "Boots both MSMs, or that one, from flash; frames are forwarded meanwhile",
        |a| Ok(Command::Act(Action::Reboot(slot(a)))),
    )
    .default("both MSMs; what is not saved is lost then")
    .asks("Reboot?")
    .example(&["save", "reboot slot msm-b"]),
    Rule::new("debug exception <task:word>", "Makes a task panic", |a| {
        Ok(Command::Act(Action::Exception(given(a.text("task"))?)))
    })
    .hidden(),
    Rule::new("debug exception-in-command", "Makes whoever applies this command panic", |_| {
        Ok(Command::Change(Change::Panic))
    })
    .hidden(),
];
