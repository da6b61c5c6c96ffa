//! The processes of a chassis: backplane, MSM, command line, teardown. A library, so that a program whose takeover is broken on purpose is not compiled twice.

mod backplane;
mod config;
mod diagnostics;
mod flash;
mod mgmt;
mod msm;
mod netlink;
mod preflight;
mod process;
mod protocols;
mod pulse;
mod remains;
mod routing;
mod switch;
mod task;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};

use config::chassis::Chassis;
use mgmt::cli::client::{self, Format};
use msm_proto::backplane::Operate;

pub use switch::takeover::Takeover;

/// A software chassis switch whose two supervisors hand over without losing a frame.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
enum Command {
    /// Run the backplane of a chassis in the foreground: starts both MSMs and keeps them started. Or pull a card out of a chassis that
    /// runs, or put one in.
    #[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
    Chassis {
        #[command(subcommand)]
        card: Option<Card>,
        /// The chassis file.
        #[arg(long, required = true)]
        file: Option<PathBuf>,
        /// Started by an MSM, for a chassis that runs.
        #[arg(long, hide = true)]
        revive: bool,
    },
    /// Run one MSM (the backplane does).
    Msm {
        /// Its slot.
        #[arg(long)]
        slot: Slot,
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
    /// Run the supervisor of the routing daemons (the master does).
    Routing {
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
    /// Command line: interactive, or one command a line from a pipe. Exit status: 0 every command was done, 1 one was refused, 2 wrong
    /// usage or nobody answered.
    Cli {
        /// Run directory of the chassis; not needed when one runs.
        #[arg(long)]
        run_dir: Option<PathBuf>,
        /// Ask this MSM, whatever its role.
        #[arg(long)]
        slot: Option<Slot>,
        /// How answers are printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// A command; may be given several times.
        #[arg(short = 'c', value_name = "COMMAND")]
        commands: Vec<String>,
        /// Go on after a command that was refused (as JSON from a pipe does).
        #[arg(long, conflicts_with = "stop_on_error")]
        keep_going: bool,
        /// Stop at the first command that is refused (as all else does).
        #[arg(long)]
        stop_on_error: bool,
    },
    /// End a chassis: processes, pins and attachments. Forwarding stops.
    Teardown {
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
}

/// What is done to a card.
#[derive(Subcommand)]
enum Card {
    /// Pull out the MSM of a slot: its process ends, its half of the fabric is gone.
    Remove {
        /// Its slot.
        slot: Bay,
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
    /// Put an MSM into a slot: it boots.
    Insert {
        /// Its slot.
        slot: Bay,
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
}

/// Slots for MSMs.
#[derive(Clone, Copy, ValueEnum)]
enum Bay {
    /// MSM A.
    A,
    /// MSM B.
    B,
    /// Fabric only (BD6816).
    C,
    /// Fabric only (BD6816).
    D,
}

impl From<Bay> for msm_proto::backplane::Bay {
    fn from(bay: Bay) -> Self {
        match bay {
            Bay::A => Self::A,
            Bay::B => Self::B,
            Bay::C => Self::C,
            Bay::D => Self::D,
        }
    }
}

/// Slots with a controller.
#[derive(Clone, Copy, ValueEnum)]
enum Slot {
    /// MSM A.
    A,
    /// MSM B.
    B,
}

impl From<Slot> for msm_proto::Slot {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::A => Self::A,
            Slot::B => Self::B,
        }
    }
}

/// The program: reads its arguments and does what they ask for.
pub fn main(takeover: Takeover) -> ExitCode {
    takeover.set();
    match run(Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("msm-ctl: {error}");
            ExitCode::from(if error.is::<client::CliError>() { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Chassis { card: Some(card), .. } => {
            let (file, what) = match card {
                Card::Remove { slot, file } => (file, Operate::Remove(slot.into())),
                Card::Insert { slot, file } => (file, Operate::Insert(slot.into())),
            };
            println!("{}", backplane::operate::operate(&read(&file)?, what)?);
        }
        Command::Chassis { file, revive, .. } => {
            backplane::run::run(&read(&file.context("--file is missing")?)?, revive)?;
        }
        Command::Msm { slot, file } => msm::run::run(read(&file)?, slot.into())?,
        Command::Routing { file } => routing::supervisor::run(&read(&file)?)?,
        Command::Teardown { file } => backplane::teardown::teardown(&read(&file)?)?,
        Command::Cli { run_dir, slot, format, commands, keep_going, stop_on_error } => {
            let options = client::Options {
                run_dir,
                slot: slot.map(Into::into),
                format,
                commands,
                stop: (keep_going || stop_on_error).then_some(stop_on_error),
            };
            return Ok(ExitCode::from(client::run(options)? as u8));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<Chassis> {
    let binary = std::env::current_exe()?;
    Ok(Chassis::read(file, binary.parent().unwrap_or(Path::new("/")))?)
}
