//! Taking a bed down, whoever left it and in whatever state.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::mgmt::MGMT_NETNS;
use super::netns::NETNS_DIR;
use super::paths::Paths;
use super::{BedError, Netns, Result, ip, link, process};

/// Time for the bed's processes to die of SIGKILL.
const DEATH: Duration = Duration::from_secs(5);

/// Namespaces of a prefix: the switch, the management network, `h1`, `h2`, ...; not those of a longer prefix.
pub(super) fn namespaces(prefix: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(NETNS_DIR) else { return Vec::new() };
    let ours = |name: &String| {
        let host = |rest: &str| {
            rest.strip_prefix('h').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        name.strip_prefix(prefix).is_some_and(|rest| rest == "sw" || rest == MGMT_NETNS || host(rest))
    };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(ours).collect()
}

/// Removes all of it. Goes on after a failure and returns the first.
pub(super) fn down(prefix: &str) -> Result<()> {
    let mut first = Ok(());
    let mut keep = |result: Result<()>| {
        if first.is_ok() {
            first = result;
        }
    };
    let names = namespaces(prefix);
    let open: Vec<_> = names.iter().filter_map(|name| Netns::open(name).ok()).collect();
    let inodes: BTreeSet<_> = open.iter().filter_map(|netns| netns.inode().ok()).collect();
    keep(process::kill_all(&inodes, DEATH));
    let paths = Paths::of(prefix);
    keep(remove_dir(&paths.pins));
    for netns in &open {
        keep(delete_links(netns));
    }
    for name in &names {
        keep(ip::run(&["netns", "delete", name]));
    }
    keep(remove_dir(&paths.run_dir));
    keep(remove_dir(&paths.flash_dir));
    for file in [&paths.chassis_file, &paths.start_log, &paths.state] {
        keep(gone(std::fs::remove_file(file), file));
    }
    first
}

/// Netdevs go now: a namespace takes its own with it only some time after it lost its name.
fn delete_links(netns: &Netns) -> Result<()> {
    let links =
        netns.enter(link::list)?.map_err(BedError::io(format!("listing netdevs of {}", netns.name())))?;
    for link in links.iter().filter(|link| link.name != "lo") {
        let deleted = ip::run(&["-n", netns.name(), "link", "delete", &link.name]);
        // The other end of a veth goes with the first.
        let left = || netns.enter(link::list).ok().and_then(std::result::Result::ok).unwrap_or_default();
        if deleted.is_err() && left().iter().any(|other| other.ifindex == link.ifindex) {
            return deleted;
        }
    }
    Ok(())
}

fn remove_dir(path: &Path) -> Result<()> {
    gone(std::fs::remove_dir_all(path), path)
}

fn gone(removed: std::io::Result<()>, path: &Path) -> Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(BedError::io(format!("removing {}", path.display()))),
    }
}
