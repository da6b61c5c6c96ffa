//! The command line's server in an MSM: many clients, each of which can harm only itself.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use prost::Message;
use prost::bytes::{Bytes, BytesMut};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};
use tracing::warn;

use super::baseline::{Baseline, HitsBaseline};
use super::messages::{self, ANSWER_MAX, Announce, Body, CHUNK, FromServer, REQUEST_MAX, Request};
use super::sessions::Sessions;
use super::who::Who;
use super::{actions, shows};
use crate::config::chassis::Chassis;
use crate::diagnostics::Examiner;
use crate::flash::Flash;
use crate::mgmt::log::Log;
use crate::msm::board::Board;
use crate::netlink::View;
use crate::routing::ledger::Ledger;
use crate::task::Tasks;
use msm_config::Command;
use msm_config::command::Damage;
use msm_config::model::{Access, Record};
use msm_config::port::PortName;
use msm_dataplane::{Capture, FdbFilter};

/// Clients at once: some people, their scripts and a testbed.
const CLIENTS: usize = 32;
/// Answers under way at once: one a client.
pub(crate) const ANSWERS: usize = CLIENTS;
/// A client that asks nothing for this long gives its place to others.
const IDLE: Duration = Duration::from_secs(3600);
/// A client that does not read an answer for this long is gone.
const STUCK: Duration = Duration::from_secs(10);
/// Longest wait for the actor: replication is bounded to 200 ms and a failover to some seconds.
const ACTOR: Duration = Duration::from_secs(30);
/// Requests of a client that wait while another is answered.
const INBOX: usize = 16;
/// Pieces of a file on their way to a client.
const FILE_CHUNKS: usize = 4;
/// Group whose members may use the command line.
const GROUP: &str = "msm";

/// How long the end of a process waits for answers to reach their clients.
const FAREWELL: Duration = Duration::from_millis(200);

/// Waits until all answers under way are written: all places are free then.
pub(crate) async fn answered(answers: &Semaphore) {
    let all = u32::try_from(ANSWERS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(FAREWELL, answers.acquire_many(all)).await;
}

/// A command for the actor.
pub(crate) struct Job {
    /// Random; the same for a repeat.
    pub(crate) id: u64,
    /// What to do.
    pub(crate) work: Work,
    /// For the log: who, and from where.
    pub(crate) who: String,
    /// Where the answer goes; nobody may be waiting any more.
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What only the actor can do.
pub(crate) enum Work {
    /// A change of the configuration.
    Change(Record),
    /// Operator failover.
    Failover,
    /// Run golden frames through the programs: what went wrong, one finding a line.
    GoldenFrames,
    /// The self test of this MSM fails, by these checks.
    DiagnosticsFailed(String),
    /// It passes.
    DiagnosticsPassed,
    /// Break something.
    Damage(Damage),
    /// Begin to record a port's frames. Nobody reads the reply.
    Capture {
        /// The port.
        port: PortName,
        /// Where the frames come from then.
        source: oneshot::Sender<Result<Capture, String>>,
    },
    /// End it.
    EndCapture,
    /// Send this flash to the slave.
    Synchronize(Vec<u8>),
    /// Forget learned stations.
    ClearFdb(FdbFilter),
}

/// Answer of the actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Done; a word on it.
    Done(String),
    /// Tried or not, this is why it is not done.
    Failed(String),
    /// Not tried: another MSM is, or will be, the master.
    Elsewhere(String),
}

/// What the server of one MSM knows.
#[derive(Clone)]
pub(crate) struct Desk {
    /// The chassis file.
    pub(crate) chassis: Arc<Chassis>,
    /// What the actor shows.
    pub(crate) board: watch::Receiver<Arc<Board>>,
    /// The kernel's netdevs.
    pub(crate) view: View,
    /// The log.
    pub(crate) log: Log,
    /// This MSM's flash.
    pub(crate) flash: Flash,
    /// What was sent to the routing daemons.
    pub(crate) routing: Ledger,
    /// Wall clock when this process started.
    pub(crate) started: std::time::SystemTime,
    /// The actor.
    pub(crate) jobs: mpsc::Sender<Job>,
    /// Who is connected.
    pub(crate) sessions: Sessions,
    /// The self test.
    pub(crate) examiner: Examiner,
    /// Counters when they were last cleared.
    pub(crate) baseline: Baseline,
    /// Hits of access rules when they were last cleared.
    pub(crate) hits_baseline: HitsBaseline,
    /// A place is held from the reading of a request to the writing of its answer.
    pub(crate) answers: Arc<Semaphore>,
}

/// Opens the socket: root and group [`GROUP`] may connect. The caller holds the slot's lock, so what is there is stale.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    if let Some(gid) = group(GROUP) {
        std::os::unix::fs::chown(path, None, Some(gid))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Gid of a group of /etc/group.
fn group(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Serves clients for as long as the process lives.
pub(crate) async fn serve(listener: UnixListener, desk: Desk, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    tasks.spawn("client", false, client(stream, desk.clone(), place));
                }
                Err(_) => warn!("a client was turned away: {CLIENTS} are connected"),
            },
            Err(error) => {
                warn!("cannot accept a client: {error}");
                // Out of descriptors: the next accept would fail as fast.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn client(stream: UnixStream, desk: Desk, _place: OwnedSemaphorePermit) {
    let who = match admit(&stream) {
        Ok(who) => who,
        Err(why) => {
            warn!("a client was turned away: {why}");
            return;
        }
    };
    if let End::Bad(why) = converse(stream, &who, desk).await.unwrap_or_else(|end| end) {
        warn!("client {who}: connection dropped: {why}");
    }
}

/// The socket's mode lets only root and the group in; this is the second lock, and the name for the log.
fn admit(stream: &UnixStream) -> Result<Who, String> {
    let who = Who::at(stream)?;
    if who.is_root() || group(GROUP).is_some() {
        Ok(who)
    } else {
        Err(format!("{who} is not root, and there is no group {GROUP}"))
    }
}

type Reader = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;
type Writer = FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>;

/// A request, as far as it is understood.
struct Asked {
    request: Request,
    command: Result<Command, String>,
}

impl Asked {
    fn new(request: Request) -> Self {
        let command = msm_config::parse(&request.line).map_err(|fault| fault.render(&request.line));
        Self { request, command }
    }

    /// Whether it ends with its client, or when that gives it up. What changes something runs to its end.
    fn ends_early(&self) -> bool {
        use msm_config::command::Action::{Capture, Download, Upload};
        matches!(self.command, Ok(Command::Act(Capture { .. } | Upload(_) | Download { .. })))
    }
}

async fn converse(stream: UnixStream, who: &Who, mut desk: Desk) -> Result<End, End> {
    let (read, write) = stream.into_split();
    let mut reader: Reader = FramedRead::new(read, messages::codec(REQUEST_MAX));
    let mut writer: Writer = FramedWrite::new(write, messages::codec(ANSWER_MAX));
    let entered = desk.sessions.enter(who.clone());
    // Requests that came while another was answered.
    let mut inbox = VecDeque::new();
    let mut said = announce(&desk.board.borrow_and_update(), who);
    send(&mut writer, Body::Announce(said.clone())).await?;
    loop {
        let request = match inbox.pop_front() {
            Some(request) => request,
            None => tokio::select! {
                changed = desk.board.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    let now = announce(&desk.board.borrow_and_update(), who);
                    if now != said {
                        send(&mut writer, Body::Announce(now.clone())).await?;
                        said = now;
                    }
                    continue;
                }
                frame = tokio::time::timeout(IDLE, reader.next()) => match frame {
                    Err(_) => return Err(End::Bad(format!("no request for {} s", IDLE.as_secs()))),
                    Ok(frame) => request(frame)?,
                },
            },
        };
        if request.cancel {
            // Its answer is on the way already.
            continue;
        }
        let place = Arc::clone(&desk.answers).acquire_owned().await.map_err(|_| End::Gone)?;
        entered.command();
        let asked = Asked::new(request);
        let id = asked.request.id;
        let answer = carry_out(asked, who, &desk, &mut reader, &mut writer, &mut inbox).await?;
        // What the command changed comes before its answer: the client's next prompt shows it.
        let now = announce(&desk.board.borrow_and_update(), who);
        if now != said {
            send(&mut writer, Body::Announce(now.clone())).await?;
            said = now;
        }
        send_answer(&mut writer, id, answer).await?;
        drop(place);
    }
}

/// What came on the connection.
fn request(frame: Option<io::Result<BytesMut>>) -> Result<Request, End> {
    let bytes = frame.ok_or(End::Gone)?.map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => End::Bad(e.to_string()),
        _ => End::Gone,
    })?;
    Request::decode(bytes).map_err(|e| End::Bad(e.to_string()))
}

/// Answers a request; meanwhile the client gets the file that it makes, and may give it up.
async fn carry_out(
    asked: Asked,
    who: &Who,
    desk: &Desk,
    reader: &mut Reader,
    writer: &mut Writer,
    inbox: &mut VecDeque<Request>,
) -> Result<Answer, End> {
    let (file, mut chunks) = mpsc::channel::<Vec<u8>>(FILE_CHUNKS);
    let (id, ends_early) = (asked.request.id, asked.ends_early());
    let mut work = std::pin::pin!(answer(asked, who, desk, file));
    let mut gone = None;
    let answer = loop {
        tokio::select! {
            biased;
            // First: a file that comes fast must not keep its end from being heard.
            frame = reader.next(), if gone.is_none() => match request(frame) {
                Err(end) if ends_early => return Err(end),
                Err(end) => gone = Some(end),
                Ok(request) if request.cancel && request.id == id => {
                    if ends_early {
                        break Answer::failed("given up; what came until then is kept", desk);
                    }
                }
                Ok(_) if inbox.len() == INBOX => {
                    return Err(End::Bad(format!("more than {INBOX} requests at once")));
                }
                Ok(request) => inbox.push_back(request),
            },
            chunk = chunks.recv(), if !chunks.is_closed() || !chunks.is_empty() => {
                if let Some(chunk) = chunk && gone.is_none() {
                    send_file(writer, id, &chunk).await?;
                }
            }
            answer = &mut work => break answer,
        }
    };
    match gone {
        Some(end) => Err(end),
        None => {
            while let Ok(chunk) = chunks.try_recv() {
                send_file(writer, id, &chunk).await?;
            }
            Ok(answer)
        }
    }
}

fn announce(board: &Board, who: &Who) -> Announce {
    let config = &board.config.config;
    Announce {
        slot: board.status.identity.slot.to_string(),
        role: board.status.role.name().to_owned(),
        master: board.status.role.is_master(),
        epoch: board.status.owner.map_or(0, |owner| owner.epoch),
        sys_name: config.system.name.clone(),
        unsaved: board.config.unsaved(),
        admin: who.access(config) == Access::Admin,
        paging: config.cli.paging,
    }
}

/// Data of an answer: what is long is made while it is sent, so that neither side holds it whole.
pub(super) enum Data {
    /// All of it.
    Whole(Vec<u8>),
    /// Piece by piece, each some [`CHUNK`] or shorter. Making one takes system calls or time: not for an event loop.
    Pieces(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

/// An answer before it is cut into frames.
struct Answer {
    result: Result<Data, String>,
    role: &'static str,
    elsewhere: bool,
}

impl Answer {
    fn failed(why: &str, desk: &Desk) -> Self {
        let role = desk.board.borrow().status.role.name();
        Self { result: Err(why.to_owned()), role, elsewhere: false }
    }
}

/// Runs `work` where it may take its time.
pub(super) async fn patiently<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let work = tokio::task::spawn_blocking(move || crate::process::patiently(work));
    work.await.map_err(|e| format!("it failed: {e}"))
}

async fn answer(asked: Asked, who: &Who, desk: &Desk, file: mpsc::Sender<Vec<u8>>) -> Answer {
    let access = who.access(&desk.board.borrow().config.config);
    let Request { id, attachment, .. } = asked.request;
    let asker = Asker { id, who, desk, attachment, file };
    let result = match asked.command {
        Err(fault) => Err(Trouble::Failed(fault)),
        Ok(command) if command.access() > access => Err(Trouble::Failed(who.may_only_look())),
        Ok(Command::Show(show)) => {
            let desk = desk.clone();
            // Tables are read by system calls that take milliseconds.
            let shown = patiently(move || shows::show(show, &desk)).await;
            shown.and_then(|shown| shown).map_err(Trouble::Failed)
        }
        Ok(Command::Session(_)) => Err(Trouble::Failed("that is the client's own to do".to_owned())),
        Ok(Command::Change(change)) => actions::change(change, &asker).await.map(Data::Whole),
        Ok(Command::Act(action)) => actions::act(action, &asker).await.map(Data::Whole),
    };
    let role = desk.board.borrow().status.role;
    let (result, elsewhere) = match result {
        Ok(data) => (Ok(data), false),
        Err(Trouble::Failed(why)) => (Err(why), false),
        Err(Trouble::Elsewhere(why)) => (Err(why), true),
    };
    Answer { result, role: role.name(), elsewhere }
}

/// Who asks, and whom.
pub(super) struct Asker<'a> {
    /// Random; the same for a repeat.
    pub(super) id: u64,
    pub(super) who: &'a Who,
    pub(super) desk: &'a Desk,
    /// The file that the command reads where the client runs, up to [`msm_config::TEXT_MAX`].
    pub(super) attachment: Vec<u8>,
    /// Takes the file that the command writes where the client runs, in pieces up to [`CHUNK`]. It waits for a slow client; when the
    /// client is gone or gives up, the action is dropped.
    pub(super) file: mpsc::Sender<Vec<u8>>,
}

/// Why a command has no data.
pub(super) enum Trouble {
    /// It was tried, or cannot be.
    Failed(String),
    /// It was not tried, and may be on another MSM.
    Elsewhere(String),
}

impl Trouble {
    fn ending() -> Self {
        Self::Elsewhere("this MSM is ending; ask the other one".to_owned())
    }
}

/// Has the actor do it. `id`: the same for the same.
pub(super) async fn ask(id: u64, work: Work, asker: &Asker<'_>) -> Result<String, Trouble> {
    let (reply, answered) = oneshot::channel();
    let who = asker.who.to_string();
    asker.desk.jobs.send(Job { id, work, who, reply }).await.map_err(|_| Trouble::ending())?;
    match tokio::time::timeout(ACTOR, answered).await {
        Err(_) => Err(Trouble::Failed(format!("no answer for {} s; see show msm-failover", ACTOR.as_secs()))),
        Ok(Err(_)) => Err(Trouble::ending()),
        Ok(Ok(Reply::Done(message))) => Ok(message),
        Ok(Ok(Reply::Failed(why))) => Err(Trouble::Failed(why)),
        Ok(Ok(Reply::Elsewhere(why))) => Err(Trouble::Elsewhere(why)),
    }
}

async fn send_file(writer: &mut Writer, id: u64, content: &[u8]) -> Result<(), End> {
    for chunk in content.chunks(CHUNK) {
        let frame = messages::Answer { id, data: chunk.to_vec(), file: true, ..messages::Answer::default() };
        send(writer, Body::Answer(frame)).await?;
    }
    Ok(())
}

async fn send_answer(writer: &mut Writer, id: u64, answer: Answer) -> Result<(), End> {
    let last = messages::Answer {
        id,
        last: true,
        role: answer.role.to_owned(),
        elsewhere: answer.elsewhere,
        ..messages::Answer::default()
    };
    let failed = |error| messages::Answer { error, ..last.clone() };
    let done = || messages::Answer { ok: true, ..last.clone() };
    let end = match answer.result {
        Err(error) => failed(error),
        // The usual answer is one frame.
        Ok(Data::Whole(data)) if data.len() <= CHUNK => messages::Answer { data, ..done() },
        Ok(Data::Whole(data)) => {
            send_data(writer, id, &data).await?;
            done()
        }
        Ok(Data::Pieces(mut pieces)) => loop {
            let made = patiently(move || {
                let piece = pieces.next();
                (pieces, piece)
            });
            match made.await {
                Err(why) => break failed(why),
                Ok((_, None)) => break done(),
                Ok((rest, Some(piece))) => {
                    pieces = rest;
                    send_data(writer, id, &piece).await?;
                }
            }
        },
    };
    send(writer, Body::Answer(end)).await
}

async fn send_data(writer: &mut Writer, id: u64, data: &[u8]) -> Result<(), End> {
    for chunk in data.chunks(CHUNK) {
        let frame = messages::Answer { id, data: chunk.to_vec(), ..messages::Answer::default() };
        send(writer, Body::Answer(frame)).await?;
    }
    Ok(())
}

async fn send(writer: &mut Writer, body: Body) -> Result<(), End> {
    let bytes = FromServer { body: Some(body) }.encode_to_vec();
    match tokio::time::timeout(STUCK, writer.send(Bytes::from(bytes))).await {
        Err(_) => Err(End::Bad(format!("it reads no answer for {} s", STUCK.as_secs()))),
        Ok(Err(_)) => Err(End::Gone),
        Ok(Ok(())) => Ok(()),
    }
}

/// Why a conversation ended.
enum End {
    /// The client, or this MSM, is gone.
    Gone,
    /// The client is not what it should be.
    Bad(String),
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
