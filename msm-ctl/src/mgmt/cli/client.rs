//! The client's front ends: commands of the command line, of a pipe, and of a person.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use rustyline::ExternalPrinter;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use msm_proto::Slot;

use super::link::{self, LinkEvent};
use super::messages::Request;
use super::prompt::{self, Prompt};
use super::session::{Action, Finished, Session};
use super::text;
use crate::backplane::paths;
use msm_config::LINE_MAX;

/// Directory of run directories.
const RUN_ROOT: &str = "/run/msm";
/// Link events not yet handled: some frames of an answer.
const EVENTS: usize = 64;

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

/// Runs the client; true if every command was done.
pub(crate) fn run(options: Options) -> Result<bool, CliError> {
    let run_dir = match options.run_dir {
        Some(dir) => dir,
        None => the_only_chassis()?,
    };
    std::fs::metadata(&run_dir).map_err(|error| CliError::RunDir { path: run_dir.clone(), error })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut client = Client::new(&run_dir, options.slot, options.format);
        if !options.commands.is_empty() {
            return client.commands(options.commands).await;
        }
        if std::io::stdin().is_terminal() && options.format == Format::Text {
            return client.person().await;
        }
        client.pipe().await
    });
    // A thread may still wait for the terminal.
    runtime.shutdown_background();
    done
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

struct Client {
    session: Session,
    events: mpsc::Receiver<LinkEvent>,
    links: Vec<mpsc::Sender<Request>>,
    format: Format,
    ids: RandomState,
    sent: u64,
    /// Prints above the line that a person is typing.
    above: Option<Box<dyn ExternalPrinter + Send>>,
}

impl Client {
    fn new(run_dir: &Path, slot: Option<Slot>, format: Format) -> Self {
        let slots = slot.map_or_else(|| vec![Slot::A, Slot::B], |slot| vec![slot]);
        let (sender, events) = mpsc::channel(EVENTS);
        let links = slots
            .iter()
            .enumerate()
            .map(|(at, link_slot)| {
                let (requests, receiver) = mpsc::channel(1);
                tokio::spawn(link::run(at, paths::cli_socket(run_dir, *link_slot), sender.clone(), receiver));
                requests
            })
            .collect();
        let session = Session::new(slots.len(), slot.is_some());
        Self { session, events, links, format, ids: RandomState::new(), sent: 0, above: None }
    }

    async fn commands(&mut self, commands: Vec<String>) -> Result<bool, CliError> {
        let mut all = true;
        for line in commands {
            all &= self.execute(line).await?;
        }
        Ok(all)
    }

    async fn pipe(&mut self) -> Result<bool, CliError> {
        let mut lines = read_lines()?;
        let mut all = true;
        loop {
            let line = tokio::select! {
                line = lines.recv() => line,
                event = self.events.recv() => {
                    self.heard(event)?;
                    continue;
                }
            };
            let Some(line) = line else { return Ok(all) };
            match line?.trim() {
                "exit" | "quit" | "logout" => return Ok(all),
                "" => {}
                comment if comment.starts_with('#') => {}
                command => all &= self.execute(command.to_owned()).await?,
            }
        }
    }

    async fn person(&mut self) -> Result<bool, CliError> {
        let Prompt { mut lines, asks, above } = prompt::start()?;
        self.above = Some(above);
        // The first prompt has the name of the switch, if somebody says it at once.
        let deadline = Instant::now() + std::time::Duration::from_millis(200);
        while self.session.announce().is_none() && Instant::now() < deadline {
            tokio::select! {
                event = self.events.recv() => self.heard(event)?,
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
        let mut number = 1;
        loop {
            if asks.send(prompt::text(self.session.announce(), number)).is_err() {
                return Ok(true);
            }
            let line = loop {
                tokio::select! {
                    line = lines.recv() => break line,
                    event = self.events.recv() => self.heard(event)?,
                }
            };
            let Some(line) = line else { return Ok(true) };
            let line = line?;
            match line.trim() {
                "" => continue,
                "exit" | "quit" | "logout" => return Ok(true),
                command => {
                    self.execute(command.to_owned()).await?;
                    number += 1;
                }
            }
        }
    }

    /// Runs one command to its end and prints the answer.
    async fn execute(&mut self, line: String) -> Result<bool, CliError> {
        self.sent += 1;
        let mut hasher = self.ids.build_hasher();
        hasher.write_u64(self.sent);
        let actions = self.session.begin(Instant::now(), hasher.finish(), line.clone());
        let mut finished = self.act(actions)?;
        while finished.is_none() {
            let deadline = self.session.deadline().unwrap_or_else(Instant::now);
            let actions = tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(event) => self.session.heard(event),
                    None => Vec::new(),
                },
                () = tokio::time::sleep_until(deadline.into()) => self.session.expire(Instant::now()),
            };
            finished = self.act(actions)?;
        }
        let Some(finished) = finished else { return Ok(false) };
        let ok = finished.result.is_ok();
        self.print(&line, finished)?;
        Ok(ok)
    }

    fn heard(&mut self, event: Option<LinkEvent>) -> Result<(), CliError> {
        let actions = event.map(|event| self.session.heard(event)).unwrap_or_default();
        self.act(actions).map(|_| ())
    }

    fn act(&mut self, actions: Vec<Action>) -> Result<Option<Finished>, CliError> {
        let mut finished = None;
        for action in actions {
            match action {
                // One request is out at a time, so there is room; a link that has ended loses it and says so.
                Action::Send(link, request) => drop(self.links[link].try_send(request)),
                Action::NewMaster(slot) => {
                    let line = match self.format {
                        Format::Json => json!({"event": "master", "slot": slot}).to_string(),
                        Format::Text => format!("MSM-{} is master now.", slot.to_uppercase()),
                    };
                    match &mut self.above {
                        Some(above) => drop(above.print(format!("{line}\n"))),
                        None => say(&line)?,
                    }
                }
                Action::Finish(done) => finished = Some(done),
            }
        }
        Ok(finished)
    }

    fn print(&self, line: &str, finished: Finished) -> Result<(), CliError> {
        let Finished { result, slot, role } = finished;
        let (data, error) = match result {
            Ok(bytes) => (serde_json::from_slice(&bytes).unwrap_or(Value::Null), None),
            Err(why) => (Value::Null, Some(why)),
        };
        match (self.format, error) {
            (Format::Json, error) => {
                let answer = json!({
                    "ok": error.is_none(), "slot": slot, "role": role, "command": line, "error": error, "data": data,
                });
                say(&answer.to_string())?;
            }
            (Format::Text, None) => print!("{}", text::render(line, &data)),
            (Format::Text, Some(why)) => eprintln!("Error: {why}"),
        }
        std::io::stdout().flush()?;
        Ok(())
    }
}

/// Lines of standard input, read on a thread of its own: a pipe blocks.
fn read_lines() -> Result<mpsc::Receiver<std::io::Result<String>>, CliError> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            // A line without end must not fill the memory; the grammar refuses one that is too long.
            let read = (&mut input).take(LINE_MAX as u64 + 2).read_until(b'\n', &mut line);
            let sent = match read {
                Ok(0) => return,
                Ok(_) => sender.blocking_send(Ok(String::from_utf8_lossy(&line).into_owned())),
                Err(error) => sender.blocking_send(Err(error)),
            };
            if sent.is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

fn say(line: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
