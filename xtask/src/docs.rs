//! `cargo xtask docs`: docs/commands.md out of the grammar.

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::tree::Tree;

pub(crate) fn write(tree: &Tree) -> Result<()> {
    let mut cargo = command::cargo(tree);
    let output = cargo
        .args(["run", "--quiet", "--package", "msm-config", "--example", "reference"])
        .output()
        .context("running the example `reference` of msm-config")?;
    ensure!(output.status.success(), "the reference: {}", String::from_utf8_lossy(&output.stderr));
    let file = tree.root().join("docs/commands.md");
    std::fs::write(&file, output.stdout).with_context(|| format!("writing {}", file.display()))?;
    println!("{} written", file.display());
    Ok(())
}
