//! The processes of a chassis: backplane, MSM, command line, teardown.

mod backplane;
mod config;
mod flash;
mod mgmt;
mod msm;
mod netlink;
mod preflight;
mod process;
mod switch;
mod task;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use config::chassis::Chassis;
use mgmt::cli::client::{self, Format};

/// A software chassis switch whose two supervisors hand over without losing a frame.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
enum Command {
    /// Run the backplane of a chassis in the foreground: starts both MSMs and keeps them started.
    Chassis {
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
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
    /// Command line: interactive, or one command a line from a pipe.
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
    },
    /// End a chassis: processes, pins and attachments. Forwarding stops.
    Teardown {
        /// The chassis file.
        #[arg(long)]
        file: PathBuf,
    },
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

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("msm-ctl: {error}");
            ExitCode::FAILURE
        }
    }
}

/// False: it ran, and not all that was asked was done.
fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Chassis { file, revive } => backplane::run::run(&read(&file)?, revive)?,
        Command::Msm { slot, file } => msm::run::run(read(&file)?, slot.into())?,
        Command::Teardown { file } => backplane::teardown::teardown(&read(&file)?)?,
        Command::Cli { run_dir, slot, format, commands } => {
            return Ok(client::run(client::Options {
                run_dir,
                slot: slot.map(Into::into),
                format,
                commands,
            })?);
        }
    }
    Ok(true)
}

fn read(file: &Path) -> anyhow::Result<Chassis> {
    let binary = std::env::current_exe()?;
    Ok(Chassis::read(file, binary.parent().unwrap_or(Path::new("/")))?)
}
