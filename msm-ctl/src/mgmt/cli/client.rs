//! The client: finds its chassis, carries a command to the master and its answer to where it is printed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustyline::ExternalPrinter;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use msm_config::Command;
use msm_config::command::{Action as Act, Location};
use msm_proto::Slot;

use super::exchange::{self, Target};
use super::history::History;
use super::link::{self, LinkEvent};
use super::messages::{Announce, Request};
use super::output::{Output, Screen};
use super::session::{Action, Finished, Order, Session};
use super::{person, script};
use crate::backplane::paths;

/// Directory of run directories.
const RUN_ROOT: &str = "/run/msm";
/// Link events not yet handled: some frames of an answer.
const EVENTS: usize = 64;
/// Requests that a link has not sent: a command, and that it is given up.
const REQUESTS: usize = 2;
/// Longest transfer from or to a TFTP server, beyond the usual patience.
const TRANSFER: Duration = Duration::from_secs(300);
/// The same of flash to the slave: two configurations, and a slow disk.
const SYNCHRONIZE: Duration = Duration::from_secs(20);

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What `msm-ctl cli` was asked to do.
pub(crate) struct Options {
    /// Run directory of the chassis.
    pub(crate) run_dir: Option<PathBuf>,
    /// One MSM whatever its role.
    pub(crate) slot: Option<Slot>,
    /// How answers are printed.
    pub(crate) format: Format,
    /// Commands, or none for standard input.
    pub(crate) commands: Vec<String>,
    /// Whether a refused command ends a script; `None`: unless it is JSON from a pipe.
    pub(crate) stop: Option<bool>,
}

/// How it ended, best first; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every command was done.
    Done = 0,
    /// A command was refused.
    Refused = 1,
    /// Nobody answered.
    Trouble = 2,
}

/// The client could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// No chassis.
    #[error(
        "cli: no chassis runs here ({RUN_ROOT} has none); start one with msm-ctl chassis --file FILE, or name its run directory with --run-dir"
    )]
    None,
    /// Several.
    #[error("cli: several chassis run here ({0}); name one with --run-dir {RUN_ROOT}/NAME")]
    Several(String),
    /// The run directory cannot be read.
    #[error("cli: {path}: {error}; give the run directory of a running chassis with --run-dir")]
    RunDir {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Input or output failed.
    #[error("cli: {0}")]
    Io(#[from] std::io::Error),
    /// The line editor failed.
    #[error("cli: the terminal cannot be used: {0}; give commands with -c")]
    Terminal(#[from] rustyline::error::ReadlineError),
}

/// Runs the client.
pub(crate) fn run(options: Options) -> Result<Outcome, CliError> {
    let run_dir = match options.run_dir {
        Some(dir) => dir,
        None => the_only_chassis()?,
    };
    std::fs::metadata(&run_dir).map_err(|error| CliError::RunDir { path: run_dir.clone(), error })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let json = options.format == Format::Json;
        let mut client = Client::new(&run_dir, options.slot, options.format)?;
        if !options.commands.is_empty() {
            return script::commands(&mut client, options.commands, options.stop.unwrap_or(true)).await;
        }
        if std::io::stdin().is_terminal() && !json {
            return person::run(&mut client).await;
        }
        script::pipe(&mut client, options.stop.unwrap_or(!json)).await
    });
    // A thread may still wait for the terminal.
    runtime.shutdown_background();
    ended
}

fn the_only_chassis() -> Result<PathBuf, CliError> {
    let entries = match std::fs::read_dir(RUN_ROOT) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(CliError::None),
        Err(error) => return Err(CliError::RunDir { path: RUN_ROOT.into(), error }),
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("chassis.lock").exists())
        .collect();
    match found.len() {
        0 => Err(CliError::None),
        1 => Ok(found.remove(0)),
        _ => {
            let names: Vec<String> = found
                .iter()
                .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                .collect();
            Err(CliError::Several(names.join(", ")))
        }
    }
}

/// The client's connections, and the command under way.
pub(super) struct Client {
    session: Session,
    events: mpsc::Receiver<LinkEvent>,
    links: Vec<mpsc::Sender<Request>>,
    interrupts: Signal,
    ids: RandomState,
    sent: u64,
    /// How answers are printed.
    pub(super) format: Format,
    /// Commands so far.
    pub(super) history: History,
    /// Prints above the line that a person is typing.
    pub(super) above: Option<Box<dyn ExternalPrinter + Send>>,
}

/// Where the parts of an answer go.
struct Running<'a> {
    output: Output,
    target: Option<Target>,
    screen: &'a mut dyn Screen,
    /// Why the local file failed.
    failed: Option<String>,
}

impl Client {
    fn new(run_dir: &Path, slot: Option<Slot>, format: Format) -> Result<Self, CliError> {
        let slots = slot.map_or_else(|| vec![Slot::A, Slot::B], |slot| vec![slot]);
        let (sender, events) = mpsc::channel(EVENTS);
        let links = slots
            .iter()
            .enumerate()
            .map(|(at, link_slot)| {
                let (requests, receiver) = mpsc::channel(REQUESTS);
                tokio::spawn(link::run(at, paths::cli_socket(run_dir, *link_slot), sender.clone(), receiver));
                requests
            })
            .collect();
        Ok(Self {
            session: Session::new(slots.len(), slot.is_some()),
            events,
            links,
            interrupts: signal(SignalKind::interrupt())?,
            ids: RandomState::new(),
            sent: 0,
            format,
            history: History::default(),
            above: None,
        })
    }

    /// The MSM that commands go to, as it described itself.
    pub(super) fn announce(&self) -> Option<&Announce> {
        self.session.announce()
    }

    /// Runs one command to its end and prints the answer; why it was not done is the caller's to print, but in JSON.
    pub(super) async fn execute(
        &mut self,
        line: &str,
        screen: &mut dyn Screen,
    ) -> Result<Finished, CliError> {
        let command = msm_config::parse(line).ok();
        let output = Output::new(self.format, command.as_ref());
        let attachment = command.as_ref().map_or(Ok(Vec::new()), exchange::attachment);
        let attachment = match attachment {
            Ok(attachment) => attachment,
            Err(error) => {
                let finished = Finished::refused(error.to_string());
                output.end(line, &finished, screen)?;
                return Ok(finished);
            }
        };
        let target = command.as_ref().and_then(Target::of);
        let mut running = Running { output, target, screen, failed: None };
        let order = Order {
            id: self.id(),
            line: line.to_owned(),
            attachment,
            longer: command.as_ref().map_or(Duration::ZERO, longer),
            once: matches!(command, Some(Command::Act(Act::Capture { .. }))),
        };
        let mut interrupted = false;
        let actions = self.session.begin(Instant::now(), order);
        let mut finished = self.act(actions, Some(&mut running))?;
        while finished.is_none() {
            let deadline = self.session.deadline().unwrap_or_else(Instant::now);
            let actions = tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(event) => self.session.heard(Instant::now(), event),
                    None => Vec::new(),
                },
                _ = self.interrupts.recv() => {
                    interrupted = true;
                    if matches!(command, Some(Command::Show(_))) {
                        running.output.enough();
                    }
                    self.session.cancel(Instant::now())
                }
                () = tokio::time::sleep_until(deadline.into()) => self.session.expire(Instant::now()),
            };
            let failed = running.failed.is_some();
            finished = self.act(actions, Some(&mut running))?;
            if running.failed.is_some() && !failed && finished.is_none() {
                let actions = self.session.cancel(Instant::now());
                finished = self.act(actions, Some(&mut running))?;
            }
        }
        let Some(mut finished) = finished else { return Ok(Finished::refused(String::new())) };
        let Running { mut output, target, screen, failed } = running;
        if interrupted && matches!(command, Some(Command::Act(Act::Capture { .. }))) {
            // That is how a capture ends.
            output.data(br#"{"message":"ended; what came until then is kept"}"#, screen)?;
            finished.result = Ok(());
        }
        let kept = target.map_or(Ok(()), |target| target.end(finished.result.is_ok()));
        if let Some(why) = failed.or(kept.err().map(|error| error.to_string())) {
            finished.result = Err(why);
        }
        output.end(line, &finished, screen)?;
        Ok(finished)
    }

    /// Random; two commands have different ones.
    fn id(&mut self) -> u64 {
        self.sent += 1;
        let mut hasher = self.ids.build_hasher();
        hasher.write_u64(self.sent);
        hasher.finish()
    }

    /// The next thing that happens while no command runs: ends when `other` does. `None`: Ctrl-C.
    pub(super) async fn meanwhile<T>(
        &mut self,
        other: impl Future<Output = T>,
    ) -> Result<Option<T>, CliError> {
        let mut other = std::pin::pin!(other);
        loop {
            let event = tokio::select! {
                biased;
                value = &mut other => return Ok(Some(value)),
                event = self.events.recv() => event,
                _ = self.interrupts.recv() => return Ok(None),
            };
            let actions = event.map(|event| self.session.heard(Instant::now(), event)).unwrap_or_default();
            self.act(actions, None)?;
        }
    }

    fn act(
        &mut self,
        actions: Vec<Action>,
        mut running: Option<&mut Running<'_>>,
    ) -> Result<Option<Finished>, CliError> {
        let mut finished = None;
        for action in actions {
            match (action, &mut running) {
                // One request is out at a time and there is room for its end; a link that has ended loses them and says so.
                (Action::Send(link, request), _) => drop(self.links[link].try_send(request)),
                (Action::NewMaster(slot), _) => self.new_master(&slot)?,
                (Action::Data(data), Some(running)) => running.output.data(&data, running.screen)?,
                (Action::File(content), Some(running)) => running.file(&content),
                (Action::Again, Some(running)) => {
                    running.output.again(running.screen)?;
                    if let Some(target) = &mut running.target {
                        target.again();
                    }
                }
                (Action::Data(_) | Action::File(_) | Action::Again, None) => {}
                (Action::Finish(done), _) => finished = Some(done),
            }
        }
        Ok(finished)
    }

    fn new_master(&mut self, slot: &str) -> Result<(), CliError> {
        let line = match self.format {
            Format::Json => json!({"event": "master", "slot": slot}).to_string(),
            Format::Text => format!("MSM-{} is master now.", slot.to_uppercase()),
        };
        match &mut self.above {
            Some(above) => drop(above.print(format!("{line}\n"))),
            None => {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{line}")?;
                out.flush()?;
            }
        }
        Ok(())
    }
}

impl Running<'_> {
    fn file(&mut self, content: &[u8]) {
        if let (Some(target), None) = (&mut self.target, &self.failed)
            && let Err(error) = target.write(content)
        {
            self.failed = Some(error.to_string());
        }
    }
}

/// How much longer than usual a command's MSM may be silent.
fn longer(command: &Command) -> Duration {
    let Command::Act(act) = command else { return Duration::ZERO };
    match act {
        Act::Capture { seconds, .. } => Duration::from_secs(u64::from(*seconds)),
        Act::Upload(Location::Tftp { .. }) | Act::Download { from: Location::Tftp { .. }, .. } => TRANSFER,
        Act::Synchronize => SYNCHRONIZE,
        _ => Duration::ZERO,
    }
}
