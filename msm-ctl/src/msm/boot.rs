//! The configuration that an MSM boots with: that of its flash, line by line, on top of the factory's.

use std::sync::Arc;

use msm_config::model::script;
use msm_config::{Config, Facts, Running};
use tracing::{error, info, warn};

use crate::flash::Flash;
use crate::flash::configuration::Loaded;
use msm_config::area::Area;

/// Refused lines that are logged one by one.
const LOGGED: usize = 20;

/// What the flash has, or the factory's; what could not be used is in the log. Waits for the disk.
pub(super) fn configuration(flash: &Flash, facts: &Arc<Facts>) -> Arc<Running> {
    let (config, booted) = selected(flash, facts);
    if let Some(area) = booted {
        info!(target: "msm.flash", "{area} configuration booted");
    }
    // The writer says in the log what it could not write.
    drop(flash.update(move |nvram| {
        nvram.configuration_booted = booted;
        nvram.image_booted = Some(Area::Primary);
    }));
    config
}

/// What a boot would start with now, and the area that it is of. Waits for the disk.
pub(super) fn selected(flash: &Flash, facts: &Arc<Facts>) -> (Arc<Running>, Option<Area>) {
    let selected = flash.nvram().configuration;
    let (loaded, faults) = flash.load_selected(selected, |text| read(facts, text));
    faults.iter().for_each(|fault| error!(target: "msm.flash", "{fault}"));
    let (config, area) = match loaded {
        Loaded::Saved(area, _, (config, refused)) => {
            for line in refused.iter().take(LOGGED) {
                warn!(target: "msm.flash", "{area} configuration: {line}");
            }
            if refused.len() > LOGGED {
                warn!(target: "msm.flash", "{area} configuration: {} more lines refused", refused.len() - LOGGED);
            }
            (config, Some(area))
        }
        Loaded::Factory => (Config::factory(facts), None),
    };
    (Arc::new(Running::of(config)), area)
}

/// Whether a text is a configuration.
///
/// # Errors
/// Why not.
pub(crate) fn check(facts: &Arc<Facts>, text: &str) -> Result<(), String> {
    read(facts, text).map(|_| ())
}

/// A configuration and the lines of it that this chassis refuses (a port that is gone, say).
///
/// # Errors
/// A text of which no line is a command.
fn read(facts: &Arc<Facts>, text: &str) -> Result<(Config, Vec<String>), String> {
    let whole = script(text).ok().and_then(|changes| Config::factory(facts).with_script(&changes).ok());
    if let Some(config) = whole {
        return Ok((config, Vec::new()));
    }
    let mut config = Config::factory(facts);
    let (mut made, mut refused) = (0, Vec::new());
    for (at, line) in text.lines().enumerate() {
        let one = script(line).map_err(|(_, why)| why).and_then(|changes| {
            let lines = changes.len();
            config.with_script(&changes).map(|next| (next, lines)).map_err(|(_, why)| why.to_string())
        });
        match one {
            Ok((next, lines)) => {
                config = next;
                made += lines;
            }
            Err(why) => refused.push(format!("line {} is passed over: {why}", at + 1)),
        }
    }
    if made == 0 && !refused.is_empty() {
        return Err("no line of it is a command".to_owned());
    }
    Ok((config, refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_proto::Options;

    fn facts() -> Arc<Facts> {
        Arc::new(Facts {
            ports: [0, 1].into(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: Options::default(),
        })
    }

    #[test]
    fn a_line_that_cannot_be_is_passed_over_and_said() {
        let text = "create vlan red\ndisable ports 1:9\nconfigure vlan red tag 7\nnonsense\n";
        let (config, refused) = read(&facts(), text).expect("some of it");
        let red = config.vlans.get(&"red".parse().expect("a name")).expect("there");
        assert_eq!(red.tag, Some(7));
        assert_eq!(refused.len(), 2);
        assert!(refused[0].starts_with("line 2") && refused[1].starts_with("line 4"), "{refused:?}");
    }

    #[test]
    fn a_text_that_is_no_configuration_is_none() {
        assert!(read(&facts(), "ELF\nnonsense\n").is_err());
        assert!(read(&facts(), "# only comments\n").expect("empty is one").1.is_empty());
    }
}
