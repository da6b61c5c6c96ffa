//! Commands the testbed runs, and the Debian packages that bring them.

use std::process::Command;

use anyhow::{Result, bail};

use super::need::Need;
use crate::command;

struct Tool {
    command: &'static str,
    package: &'static str,
    why: &'static str,
}

/// Every command that is not part of a minimal Debian.
const TOOLS: &[Tool] = &[
    Tool {
        command: "ip",
        package: "iproute2",
        why: "the testbed makes its namespaces and veth pairs with it",
    },
    Tool { command: "ethtool", package: "ethtool", why: "the testbed sets its hosts' offloads with it" },
    Tool { command: "nft", package: "nftables", why: "the probe's tests drop chosen frames with it" },
    Tool { command: "iperf3", package: "iperf3", why: "throughput is cross-checked with it" },
];

fn missing() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(|tool| command::which(tool.command).is_none())
}

pub(super) fn check() -> Vec<Need> {
    missing()
        .map(|tool| Need {
            what: format!("{} is missing", tool.command),
            why: tool.why,
            mend: show_install(&[tool.package]),
        })
        .collect()
}

/// Installs what is missing; as root.
pub(super) fn install() -> Result<()> {
    let packages: Vec<_> = missing().map(|tool| tool.package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if command::which("apt-get").is_none() {
        let lines: Vec<_> = check().iter().map(ToString::to_string).collect();
        bail!("setup: there is no apt-get here; install by this system's own means:\n{}", lines.join("\n"));
    }
    eprintln!("setup: {}", show_install(&packages));
    // The package lists may be missing or out of date: one attempt without them, then with fresh ones.
    if command::quiet(&mut install_command(&packages), "setup").is_err() {
        command::quiet(
            Command::new("apt-get").args(["--quiet", "update"]),
            "setup: reading the package lists",
        )?;
        command::quiet(&mut install_command(&packages), "setup: installing packages")?;
    }
    Ok(())
}

fn install_command(packages: &[&str]) -> Command {
    let mut install = Command::new("apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    install
}

fn show_install(packages: &[&str]) -> String {
    format!("apt-get install -y --no-install-recommends {}", packages.join(" "))
}
