//! Builds, sets up, runs, tests and measures the switch: `cargo xtask <command>`.

mod bed;
mod build;
mod command;
mod docs;
mod ebpf;
mod place;
mod privileged;
mod rustc;
mod setup;
mod sim;
mod test;
mod tree;

use std::ffi::OsString;
use std::process::ExitCode;

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
    /// Find what building and running need, and get what is missing
    Setup {
        /// Only the part that needs root
        #[arg(long, hide = true)]
        running_only: bool,
        /// Only the peers of `bench --peers`
        #[arg(long)]
        peers: bool,
    },
    /// Build the eBPF objects into target/image and target/bed
    BuildEbpf {
        /// Only this one
        object: Option<Object>,
    },
    /// Build the product into target/image and the testbed into target/bed
    Build {
        /// Also target/image-label-only, whose takeover moves the label and nothing else
        #[arg(long)]
        label_only: bool,
    },
    /// Start a testbed; the arguments are msm-bed's (`--help` shows them)
    #[command(disable_help_flag = true)]
    Run(Passed),
    /// Measure; the arguments are msm-bed's (`--help` shows them)
    #[command(disable_help_flag = true)]
    Bench(Passed),
    /// Talk to the running testbed's switch; the arguments are msm-bed's (`--help` shows them)
    #[command(disable_help_flag = true)]
    Cli(Passed),
    /// Take the testbed down; the arguments are msm-bed's (`--help` shows them)
    #[command(disable_help_flag = true)]
    Down(Passed),
    /// Simulate whole chassis by seeds; the arguments are msm-sim's (`--help` shows them)
    #[command(disable_help_flag = true)]
    Sim(Passed),
    /// Check form and lints, build, run every test, and see that nothing is left behind
    Test(test::Options),
    /// Write docs/commands.md out of the grammar
    Docs,
    /// As root: start msm-bed
    #[command(hide = true, disable_help_flag = true)]
    Bed(Passed),
    /// As root: print what tests must not leave behind
    #[command(hide = true)]
    Leftovers,
}

#[derive(clap::Args)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let tree = Tree::find();
    let code = do_task(&tree, Arguments::parse().task).unwrap_or_else(|error| fail(&error));
    // Also after a failure: half a build is the user's too.
    match privileged::give_back(&tree) {
        Ok(()) => code,
        Err(error) => fail(&error),
    }
}

fn do_task(tree: &Tree, task: Task) -> Result<ExitCode> {
    let done = ExitCode::SUCCESS;
    match task {
        Task::Setup { peers: true, .. } => setup::for_peers().map(|()| done),
        Task::Setup { running_only: true, .. } => setup::for_running().map(|()| done),
        Task::Setup { .. } => setup::all(tree).map(|()| done),
        Task::BuildEbpf { object } => {
            setup::for_building(tree)?;
            ebpf::build(tree, object.as_ref().map_or(&Object::ALL, std::slice::from_ref)).map(|()| done)
        }
        Task::Build { label_only } => build::all(tree, label_only).map(|()| done),
        Task::Run(passed) => bed::ready_and_enter(tree, "run", &passed.arguments),
        Task::Bench(passed) => bed::ready_and_enter(tree, "bench", &passed.arguments),
        Task::Cli(passed) => bed::enter_as_built(tree, "cli", &passed.arguments),
        Task::Down(passed) => bed::enter_as_built(tree, "down", &passed.arguments),
        Task::Sim(passed) => sim::run(tree, &passed.arguments),
        Task::Docs => docs::write(tree).map(|()| done),
        Task::Test(options) => Ok(test::all(tree, &options)),
        Task::Bed(passed) => {
            let (name, arguments) = passed.arguments.split_first().expect("we call it with a name");
            bed::enter(tree, name, arguments)
        }
        Task::Leftovers => {
            test::leftovers::look()?.iter().for_each(|line| println!("{line}"));
            Ok(done)
        }
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
