//! What building, running and testing need from the machine: looked for, and mended where that is possible.

mod apt_sources;
mod bpffs;
mod kernel;
pub(crate) mod linker;
mod need;
mod packages;
pub(crate) mod rust_src;

use std::fs::{self, File};

use anyhow::{Context, Result, bail};

use crate::tree::Tree;
use crate::{command, privileged};

/// Everything. A user's part is done as the user, the rest through sudo.
pub(crate) fn all(tree: &Tree) -> Result<()> {
    // First: it may ask for a password, and it may refuse the machine.
    for_running()?;
    for_building(tree)
}

/// What building needs, all of it under target/ and none of it as root.
pub(crate) fn for_building(tree: &Tree) -> Result<()> {
    if linker::is_there(tree) && rust_src::find(tree)?.is_some() {
        return Ok(());
    }
    let tools = tree.tools();
    fs::create_dir_all(&tools).with_context(|| format!("setup: making {}", tools.display()))?;
    let path = tools.join(".lock");
    let lock = File::create(&path).with_context(|| format!("setup: making {}", path.display()))?;
    // Held to the end: two at once would build into each other's folders.
    lock.lock().with_context(|| format!("setup: locking {}", path.display()))?;
    if !linker::is_there(tree) {
        linker::build(tree)?;
    }
    if rust_src::find(tree)?.is_none() {
        rust_src::fetch(tree)?;
    }
    Ok(())
}

/// What running needs of the system.
pub(crate) fn for_running() -> Result<()> {
    if let Some(old) = kernel::check()? {
        bail!("setup: {old}");
    }
    let mut needs = packages::check();
    needs.extend(bpffs::check()?);
    if needs.is_empty() {
        return Ok(());
    }
    if !privileged::is_root() {
        let lines: Vec<_> = needs.iter().map(ToString::to_string).collect();
        let lines = format!("setup, which has this to mend:\n{}", lines.join("\n"));
        let mut again = privileged::ourselves_through_sudo(&lines)?;
        eprintln!("{lines}");
        return command::run(again.args(["setup", "--running-only"]), "setup: the part that needs root");
    }
    packages::install()?;
    if bpffs::check()?.is_some() {
        bpffs::mount()?;
    }
    Ok(())
}

/// What `bench --peers` measures beside; installed for nothing else.
pub(crate) fn for_peers() -> Result<()> {
    let needs = packages::check_peers();
    if needs.is_empty() {
        return Ok(());
    }
    if !privileged::is_root() {
        let lines: Vec<_> = needs.iter().map(ToString::to_string).collect();
        let lines = format!("setup, which has this to mend:\n{}", lines.join("\n"));
        let mut again = privileged::ourselves_through_sudo(&lines)?;
        eprintln!("{lines}");
        return command::run(again.args(["setup", "--peers"]), "setup: the part that needs root");
    }
    packages::install_peers()
}
