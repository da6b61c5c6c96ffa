//! What a test must not leave behind: namespaces, pinned programs, processes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{command, privileged};

/// The names of all that is there now, one line each. A user asks through sudo: the BPF file system is root's.
pub(crate) fn look() -> Result<BTreeSet<String>> {
    if !privileged::is_root() {
        let doing = "looking for what tests left behind";
        let mut again = privileged::ourselves_through_sudo(doing)?;
        let said = command::stdout(again.arg("leftovers"), doing)?;
        return Ok(said.lines().map(str::to_owned).collect());
    }
    let mut found = BTreeSet::new();
    for name in names(Path::new("/run/netns"))? {
        if name.starts_with("msm-") {
            found.insert(format!("network namespace {name}"));
        }
    }
    for name in names(Path::new("/sys/fs/bpf"))? {
        if name.starts_with("msm") {
            found.insert(format!("pinned programs and maps /sys/fs/bpf/{name}"));
        }
    }
    for name in names(Path::new("/proc"))? {
        if let Ok(process) = name.parse::<u32>()
            && let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat"))
            && let Some(program) = running(&stat)
            && ["msm-ctl", "msm-bed"].contains(&program)
        {
            found.insert(format!("process {program} with id {process}"));
        }
    }
    Ok(found)
}

/// Fails on what was not there `before`; what was is another's (or an older run's), and named without blame.
pub(super) fn check(before: &BTreeSet<String>) -> Result<()> {
    let now = look()?;
    for old in now.intersection(before) {
        eprintln!("there before the tests and still there: {old}");
    }
    let new: Vec<_> = now.difference(before).map(String::as_str).collect();
    if !new.is_empty() {
        bail!(
            "the tests left behind:\n  {}\nmend: `cargo xtask down`, and the test that did it",
            new.join("\n  ")
        );
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("listing {}", folder.display()))?,
    };
    Ok(entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect())
}

/// The program's name in a line of /proc/PID/stat (proc(5)); none for one that has ended and is not yet reaped.
fn running(stat: &str) -> Option<&str> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    (!tail.trim_start().starts_with(['Z', 'X'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_is_not_left_behind() {
        assert_eq!(running("17 (msm-ctl) S 1 17 17 0"), Some("msm-ctl"));
        assert_eq!(running("17 (a) (b) R 1"), Some("a) (b"));
        assert_eq!(running("17 (msm-ctl) Z 1 17 17 0"), None);
        assert_eq!(running(""), None);
    }
}
