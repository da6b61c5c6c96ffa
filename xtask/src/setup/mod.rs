//! What building, running and testing need from the machine: looked for, and mended where that is possible.

mod apt_sources;
pub(crate) mod linker;
pub(crate) mod rust_src;

use std::fs::{self, File};

use anyhow::{Context, Result};

use crate::tree::Tree;

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
