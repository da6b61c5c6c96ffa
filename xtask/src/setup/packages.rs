//! Commands the testbed runs, and the Debian packages that bring them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

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
    Tool {
        command: "vtysh",
        package: "frr",
        why: "the switch's routing protocols are FRR's, and a test's router is one too",
    },
    Tool { command: "bird", package: "bird2", why: "a test's router of another make" },
];

/// Peers of `bench --peers`: by a command of theirs, or a file that they bring.
const PEERS: &[(&str, &[&str])] = &[
    ("ovs-vsctl", &["openvswitch-switch"]),
    ("dpdk-testpmd", &["dpdk-dev", "librte-net-af-packet23", "librte-net-af-xdp23"]),
];

fn missing_peers() -> Vec<&'static str> {
    let missing = PEERS.iter().filter(|(tool, _)| command::which(tool).is_none());
    missing.flat_map(|(_, packages)| packages.iter().copied()).collect()
}

pub(super) fn check_peers() -> Vec<Need> {
    let packages = missing_peers();
    if packages.is_empty() {
        return Vec::new();
    }
    let (why, mend) = ("`bench --peers` measures beside them", show_install(&packages));
    vec![Need { what: format!("{} are missing", packages.join(", ")), why, mend }]
}

/// Installs the peers that are missing; as root. Nothing of them is started: no service may run beside a benchmark.
pub(super) fn install_peers() -> Result<()> {
    let packages = missing_peers();
    if packages.is_empty() {
        return Ok(());
    }
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours = !policy.exists();
    if ours {
        // invoke-rc.d asks it; 101 is "not allowed".
        std::fs::write(policy, "#!/bin/sh\nexit 101\n")
            .context("setup: keeping services from being started")?;
        std::fs::set_permissions(policy, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .context("setup: keeping services from being started")?;
    }
    let done = get(&packages);
    if ours {
        std::fs::remove_file(policy).context("setup: letting services be started again")?;
    }
    done
}

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
    get(&packages)
}

fn get(packages: &[&str]) -> Result<()> {
    if command::which("apt-get").is_none() {
        bail!("setup: there is no apt-get here; install {} by this system's own means", packages.join(", "));
    }
    eprintln!("setup: {}", show_install(packages));
    // The package lists may be missing or out of date: one attempt without them, then with fresh ones.
    if command::quiet(&mut install_command(packages), "setup").is_err() {
        command::quiet(
            Command::new("apt-get").args(["--quiet", "update"]),
            "setup: reading the package lists",
        )?;
        command::quiet(&mut install_command(packages), "setup: installing packages")?;
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
