//! The BPF file system, where the forwarding plane is pinned and so outlives every process.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::need::Need;
use crate::command;

const PLACE: &str = "/sys/fs/bpf";

pub(super) fn check() -> Result<Option<Need>> {
    let path = "/proc/self/mounts";
    let mounts = fs::read_to_string(path).with_context(|| format!("setup: reading {path}"))?;
    Ok((!is_mounted(&mounts)).then(|| Need {
        what: format!("no BPF file system is mounted at {PLACE}"),
        why: "the forwarding plane is pinned there",
        mend: command::show(&mount_command()),
    }))
}

fn is_mounted(mounts: &str) -> bool {
    mounts.lines().any(|line| {
        let mut columns = line.split(' ');
        columns.nth(1) == Some(PLACE) && columns.next() == Some("bpf")
    })
}

pub(super) fn mount() -> Result<()> {
    eprintln!("setup: {}", command::show(&mount_command()));
    command::quiet(&mut mount_command(), "setup: mounting the BPF file system").map(drop)
}

fn mount_command() -> Command {
    let mut mount = Command::new("mount");
    mount.args(["-t", "bpf", "bpf", PLACE]);
    mount
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bpf_file_system_at_its_place_counts() {
        assert!(is_mounted("proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw,mode=700 0 0\n"));
        assert!(!is_mounted(
            "bpf /mnt bpf rw 0 0\ntmpfs /sys/fs/bpf tmpfs rw 0 0\nsysfs /sys sysfs rw 0 0\n"
        ));
    }
}
