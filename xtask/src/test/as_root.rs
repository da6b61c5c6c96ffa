//! Tests that make namespaces, load programs and start the switch: built as whoever we are, run as root, one binary
//! and one test at a time, for they share the machine's network.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{BLACK_BOX, DATAPLANE, HOST, WITHOUT_ROOT};
use crate::tree::Tree;
use crate::{command, privileged};

pub(super) fn dataplane(tree: &Tree, long: bool, filter: Option<&str>) -> Result<()> {
    let selection = [&HOST[..], &["--exclude", BLACK_BOX]].concat();
    run(tree, DATAPLANE, &selection, long, filter)
}

/// As fast as the product is used: the probe has to keep up with it. Asked for with the packages that the product is built with, so that
/// nothing is built again.
pub(super) fn black_box(tree: &Tree, long: bool, filter: Option<&str>) -> Result<()> {
    let selection = ["--release", "--package", "msm-ctl", "--package", BLACK_BOX];
    run(tree, BLACK_BOX, &selection, long, filter)
}

/// Runs the integration tests of `package`, of those that `selection` builds.
fn run(tree: &Tree, package: &str, selection: &[&str], long: bool, filter: Option<&str>) -> Result<()> {
    let binaries = build(tree, package, selection)?;
    ensure!(
        !binaries.is_empty(),
        "cargo built no tests of {package} that need root: nothing would be tested"
    );
    let target = tree.target();
    let mut variables = vec![("MSM_TARGET_DIR", target.as_path())];
    if long {
        variables.push(("MSM_TEST_LONG", Path::new("1")));
    }
    let mut failed = Vec::new();
    for binary in &binaries {
        eprintln!("     Running {package} {}", binary.name);
        let doing = format!("running the tests {} of {package}", binary.name);
        let mut test = privileged::as_root(&binary.program, &variables, &doing)?;
        test.current_dir(&binary.folder).arg("--test-threads=1").args(filter);
        if let Err(error) = command::run(&mut test, &doing) {
            failed.push(format!("{error:#}"));
        }
    }
    ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}

fn build(tree: &Tree, package: &str, selection: &[&str]) -> Result<Vec<Binary>> {
    let mut cargo = command::cargo(tree);
    cargo
        .args(["test", "--no-run", "--message-format=json-render-diagnostics"])
        .args(selection)
        .args(["--test", "*"]);
    let messages = command::stdout(&mut cargo, &format!("building the tests of {package}"))?;
    let folder = tree.root().join(package);
    let of_package = |binary: &Binary| binary.folder == folder && binary.name != WITHOUT_ROOT;
    Ok(binaries(&messages)?.into_iter().filter(of_package).collect())
}

/// An integration test as cargo built it.
#[derive(Debug, PartialEq, Eq)]
struct Binary {
    name: String,
    program: PathBuf,
    /// Where cargo would start it.
    folder: PathBuf,
}

/// What cargo says of one thing it did; of most things only the reason matters.
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The integration tests among cargo's messages, by name.
fn binaries(messages: &str) -> Result<Vec<Binary>> {
    let mut binaries = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message =
            serde_json::from_str(line).with_context(|| format!("reading cargo's message {line}"))?;
        if message.reason != "compiler-artifact" {
            continue;
        }
        let (Some(program), Some(target), Some(manifest)) =
            (message.executable, message.target, message.manifest_path)
        else {
            continue;
        };
        if target.kind.iter().any(|kind| kind == "test") {
            let folder = manifest.parent().unwrap_or(Path::new("/")).to_path_buf();
            binaries.push(Binary { name: target.name, program, folder });
        }
    }
    binaries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(binaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integration_tests_are_found_among_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/r/x/Cargo.toml","target":{"kind":["lib"],"name":"x"},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/r/x/Cargo.toml","target":{"kind":["lib"],"name":"x"},"executable":"/r/t/x-1"}
{"reason":"compiler-artifact","manifest_path":"/r/x/Cargo.toml","target":{"kind":["test"],"name":"upgrade"},"executable":"/r/t/upgrade-2"}
{"reason":"compiler-artifact","manifest_path":"/r/x/Cargo.toml","target":{"kind":["test"],"name":"crash"},"executable":"/r/t/crash-3"}
{"reason":"build-script-executed","package_id":"y"}
{"reason":"build-finished","success":true}
"#;
        let binary = |name: &str, program: &str| Binary {
            name: name.to_owned(),
            program: program.into(),
            folder: "/r/x".into(),
        };
        assert_eq!(
            binaries(messages).unwrap(),
            [binary("crash", "/r/t/crash-3"), binary("upgrade", "/r/t/upgrade-2")]
        );
    }
}
