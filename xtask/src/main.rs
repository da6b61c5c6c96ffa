//! Builds, sets up, runs, tests and measures the switch: `cargo xtask <command>`.

mod command;
mod ebpf;
mod place;
mod setup;
mod tree;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::ebpf::Object;
use crate::tree::Tree;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, sets up, runs, tests and measures the switch")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the eBPF objects into target/image and target/bed
    BuildEbpf {
        /// Only this one
        object: Option<Object>,
    },
}

fn main() -> Result<()> {
    let tree = Tree::find();
    match Arguments::parse().task {
        Task::BuildEbpf { object } => {
            setup::for_building(&tree)?;
            ebpf::build(&tree, object.as_ref().map_or(&Object::ALL, std::slice::from_ref))
        }
    }
}
