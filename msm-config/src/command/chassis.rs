//! The chassis as a whole: factory defaults, reboot, exceptions.

use msm_proto::Slot;

use super::rule::{Rule, given};
use super::{Action, Command, Damage};
use crate::model::Change;

fn slot(a: &crate::grammar::Arguments) -> Option<Slot> {
    a.which(&[("msm-a", Slot::A), ("msm-b", Slot::B)])
}

fn damage(damage: Damage) -> Result<Command, String> {
    Ok(Command::Act(Action::Damage(damage)))
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
        |a| Ok(Command::Act(Action::Reboot { slot: slot(a), hard: false })),
    )
    .default("both MSMs; what is not saved is lost then")
    .asks("Reboot?")
    .example(&["save", "reboot slot msm-b"]),
    Rule::new(
        "reboot slot [msm-a | msm-b] hard-reset",
        "Restarts an MSM and its switch fabric, whose frames are lost until it is programmed again; the master's slave takes over",
        |a| Ok(Command::Act(Action::Reboot { slot: slot(a), hard: true })),
    )
    .asks("Some of the switch's forwarding operations may be interrupted briefly. Reset the MSM all the same?")
    .example(&["reboot slot msm-b hard-reset"]),
    Rule::new("debug exception <task:word>", "Makes a task panic", |a| {
        damage(Damage::Exception(given(a.text("task"))?))
    })
    .hidden(),
    Rule::new("debug hang <task:word>", "Makes a task never give its thread back", |a| {
        damage(Damage::Hang(given(a.text("task"))?))
    })
    .hidden(),
    Rule::new("debug silence tsync", "Says nothing to the other MSM any more", |_| damage(Damage::Silence))
        .hidden(),
    Rule::new("debug exhaust memory", "Takes memory until there is none; refused without a limit", |_| {
        damage(Damage::Exhaust)
    })
    .hidden(),
    Rule::new("debug exception-in-command", "Makes whoever applies this command panic", |_| {
        Ok(Command::Change(Change::Panic))
    })
    .hidden(),
];
