//! Flash and files: save, select, copy.

use super::rule::{Rule, given};
use super::{Action, Area, Command, Location};
use crate::grammar::Arguments;

const AREAS: [(&str, Area); 2] = [("primary", Area::Primary), ("secondary", Area::Secondary)];

fn act(action: Action) -> Result<Command, String> {
    Ok(Command::Act(action))
}

fn location(a: &Arguments) -> Result<Location, String> {
    match (a.text("host"), a.text("file"), a.text("local-file")) {
        (Some(host), Some(file), _) => Ok(Location::Tftp { host, file }),
        (_, _, Some(file)) => Ok(Location::Local(file)),
        _ => Err("a file is missing".to_owned()),
    }
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "save {configuration} {[primary | secondary]}",
        "Writes the running configuration into the flash of the master MSM",
        |a| act(Action::Save(a.which(&AREAS))),
    )
    .default("the selected area")
    .example(&["save secondary"]),
    Rule::new(
        "use configuration [primary | secondary]",
        "Selects the configuration that this MSM's next boot uses",
        |a| act(Action::UseConfiguration(given(a.which(&AREAS))?)),
    )
    .default("primary")
    .example(&["use configuration primary"]),
    Rule::new("use image [primary | secondary]", "Selects the image that this MSM's next boot uses", |a| {
        act(Action::UseImage(given(a.which(&AREAS))?))
    })
    .default("primary")
    .example(&["use image primary"]),
    Rule::new(
        "synchronize",
        "Copies the master's flash, both configurations and the selections, to the slave",
        |_| act(Action::Synchronize),
    )
    .asks("Overwrite the slave's flash?")
    .example(&["save", "synchronize"]),
    Rule::new(
        "upload configuration [<host> <file> | <local-file:file>]",
        "Writes the running configuration to a TFTP server, or to a file where the client runs",
        |a| act(Action::Upload(location(a)?)),
    )
    .example(&["upload configuration /tmp/msm-example.cfg"]),
    Rule::new(
        "download configuration [<host> <file> | <local-file:file>] {incremental}",
        "Reads a configuration: into flash, for the next boot, or with incremental into the running one, whole or not at all",
        |a| act(Action::Download { from: location(a)?, incremental: a.has("incremental") }),
    )
    .default("into the selected area of the flash; it takes effect at the next reboot")
    .example(&[
        "upload configuration /tmp/msm-example.cfg",
        "download configuration /tmp/msm-example.cfg incremental",
    ]),
];
