//! Building the product and the testbed, and laying them out as they are started from.

use std::thread;

use anyhow::Result;

use crate::ebpf::{self, Object};
use crate::place::place;
use crate::tree::Tree;
use crate::{command, setup};

/// Builds everything into target/image and target/bed; with `label_only` target/image-label-only as well.
pub(crate) fn all(tree: &Tree, label_only: bool) -> Result<()> {
    setup::for_building(tree)?;
    // Side by side: an object is compiled by one thread, the processes by as many as there are CPUs, but not all the time.
    let (objects, processes) = thread::scope(|scope| {
        let objects = scope.spawn(|| ebpf::build(tree, &Object::ALL));
        let processes = processes(tree, label_only);
        (objects.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), processes)
    });
    objects.and(processes)?;
    let release = tree.target().join("release");
    if label_only {
        place(&release.join("msm-ctl-label-only"), &tree.label_only_image().join("msm-ctl"))?;
        place(&Object::MsmEbpf.path(tree), &tree.label_only_image().join("msm-ebpf.o"))?;
    }
    place(&release.join("msm-ctl"), &tree.image().join("msm-ctl"))?;
    place(&release.join("msm-bed"), &tree.bed().join("msm-bed"))
}

/// Always both packages: cargo chooses the features of what they share by what is built together.
fn processes(tree: &Tree, label_only: bool) -> Result<()> {
    let mut cargo = command::cargo(tree);
    cargo.args(["build", "--release", "--package", "msm-ctl", "--package", "netns-tests"]);
    cargo.args(["--bin", "msm-ctl", "--bin", "msm-bed"]);
    if label_only {
        cargo.args(["--bin", "msm-ctl-label-only"]);
    }
    command::run(&mut cargo, "building msm-ctl and msm-bed")
}
