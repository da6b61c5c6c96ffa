//! The T-sync link: two SEQPACKET connections to the other MSM, and its pidfd.
//!
//! MSM A listens and MSM B connects, so there is one way for them to meet. A connection begins with a hello that says which of
//! the two it is and to which pair it belongs; everything after it is the machine's. What is not a peer, or does not behave as
//! one, costs itself the connection.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio_seqpacket::{UnixSeqpacket, UnixSeqpacketListener};
use tracing::{info, warn};

use msm_proto::{Channel, FRAME_MAX, Slot};

use crate::backplane::lock;
use crate::config::chassis::Chassis;
use crate::process::{self, Process};
use crate::task::Tasks;

/// "MSMT": a connection that does not begin with it is something else.
const MAGIC: u32 = 0x4d53_4d54;
/// Time for a hello: the sender has it ready when it connects.
const HELLO: Duration = Duration::from_secs(1);
/// How often B looks for A: A's socket appears some 10 ms after its process.
const RETRY: Duration = Duration::from_millis(10);
/// Connections that have said hello and wait for their other half.
const HALVES: usize = 4;
/// Messages in an outbox: what the machine holds back behind a snapshot (768), which it sends at once, and chunks and
/// commands that come meanwhile. Each is 64 KiB at most, and all but parts of large records are far smaller.
const OUTBOX: usize = 1024;
/// Name of the tasks of a session: without one of them it is over.
pub(super) const TASK: &str = "tsync";

/// First record of a connection.
#[derive(Clone, PartialEq, Eq, Message)]
struct Hello {
    #[prost(uint32, tag = "1")]
    magic: u32,
    /// 1 control, 2 bulk.
    #[prost(uint32, tag = "2")]
    channel: u32,
    /// Random, the same for both.
    #[prost(uint64, tag = "3")]
    pair: u64,
    /// Slot of the sender.
    #[prost(string, tag = "4")]
    slot: String,
}

/// Both connections of a peer.
pub(crate) struct Pair {
    control: Arc<UnixSeqpacket>,
    bulk: Arc<UnixSeqpacket>,
    process: Process,
    /// Dropped with the session.
    open: oneshot::Sender<()>,
}

/// What a session tells the actor.
pub(crate) enum LinkEvent {
    /// A pair stands: the actor numbers it and calls [`Pair::start`].
    Connected(Pair),
    /// A record.
    Frame { session: u64, channel: Channel, bytes: Vec<u8> },
    /// A connection of the session ended.
    Gone { session: u64 },
    /// The peer's process ended.
    Dead { session: u64 },
}

/// Sending side of a session. Dropping it closes both connections.
pub(crate) struct Outbox {
    control: mpsc::Sender<Vec<u8>>,
    bulk: mpsc::Sender<Vec<u8>>,
    tasks: Vec<tokio::task::AbortHandle>,
    _open: oneshot::Sender<()>,
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl Outbox {
    /// Queues a record; false when there is no room. On a connection that has ended it is lost, and `Gone` follows.
    pub(crate) fn send(&self, channel: Channel, bytes: Vec<u8>) -> bool {
        let sender = match channel {
            Channel::Control => &self.control,
            Channel::Bulk => &self.bulk,
        };
        !matches!(sender.try_send(bytes), Err(mpsc::error::TrySendError::Full(_)))
    }
}

impl Pair {
    fn new(control: UnixSeqpacket, bulk: UnixSeqpacket, process: Process) -> (Self, oneshot::Receiver<()>) {
        let (open, closed) = oneshot::channel();
        (Self { control: Arc::new(control), bulk: Arc::new(bulk), process, open }, closed)
    }

    /// Process id of the peer.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Begins reading, writing and watching as session number `session`. The watch on the process outlives the outbox.
    pub(crate) fn start(self, session: u64, tasks: &Tasks, events: &mpsc::Sender<LinkEvent>) -> Outbox {
        let (control, from_control) = mpsc::channel(OUTBOX);
        let (bulk, from_bulk) = mpsc::channel(OUTBOX);
        let mut handles = Vec::new();
        for (socket, queue) in [(&self.control, from_control), (&self.bulk, from_bulk)] {
            let socket = Arc::clone(socket);
            let write = async move {
                if write(&socket, queue).await.is_err() {
                    end(&socket);
                }
            };
            handles.push(tasks.spawn(TASK, true, write).abort_handle());
        }
        let (control_in, bulk_in, sink) = (self.control, self.bulk, events.clone());
        let read = async move {
            let one = |channel, socket: Arc<UnixSeqpacket>, other: Arc<UnixSeqpacket>| {
                let sink = &sink;
                async move {
                    if let Err(why) = read(&socket, session, channel, sink).await {
                        warn!("T-sync: session {session} ends: {why}");
                    }
                    // Half a session is none; what has come by the other connection is read all the same.
                    end(&socket);
                    end(&other);
                }
            };
            tokio::join!(
                one(Channel::Control, Arc::clone(&control_in), Arc::clone(&bulk_in)),
                one(Channel::Bulk, Arc::clone(&bulk_in), Arc::clone(&control_in)),
            );
            let _ = sink.send(LinkEvent::Gone { session }).await;
        };
        handles.push(tasks.spawn(TASK, true, read).abort_handle());
        let (process, events) = (self.process, events.clone());
        tasks.spawn(TASK, true, async move {
            match process.dead().await {
                Ok(()) => drop(events.send(LinkEvent::Dead { session }).await),
                Err(error) => warn!("T-sync: the other MSM's pidfd cannot be watched: {error}"),
            }
        });
        Outbox { control, bulk, tasks: handles, _open: self.open }
    }
}

/// Neither side sends any more; what is in the socket can still be read.
fn end(socket: &UnixSeqpacket) {
    // It can only fail on a connection that has ended.
    let _ = socket.shutdown(std::net::Shutdown::Both);
}

/// See [`silence`].
static SILENT: AtomicBool = AtomicBool::new(false);

/// `debug silence tsync`: nothing is sent to the other MSM any more, over no session.
pub(crate) fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

async fn write(socket: &UnixSeqpacket, mut queue: mpsc::Receiver<Vec<u8>>) -> std::io::Result<()> {
    while let Some(bytes) = queue.recv().await {
        if !SILENT.load(Ordering::Relaxed) {
            socket.send(&bytes).await?;
        }
    }
    Ok(())
}

/// Reads records until the end of file. The error is what the peer did wrong.
async fn read(
    socket: &UnixSeqpacket,
    session: u64,
    channel: Channel,
    events: &mpsc::Sender<LinkEvent>,
) -> Result<(), String> {
    // One byte more than any record, so that a longer one is seen to be.
    let mut buffer = vec![0; FRAME_MAX + 1];
    loop {
        let info = match socket.recv(&mut buffer).await {
            Ok(info) => info,
            // The peer ended without having read all of ours (af_unix.c, unix_release_sock). The kernel says so once, before
            // it gives what the peer sent: the last records of a dead master.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => continue,
            Err(error) => return Err(error.to_string()),
        };
        match info.bytes_read() {
            0 => return Ok(()),
            length if length > FRAME_MAX => return Err(format!("a record of more than {FRAME_MAX} bytes")),
            length => {
                let bytes = buffer[..length].to_vec();
                if events.send(LinkEvent::Frame { session, channel, bytes }).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Makes pairs with the other MSM for as long as this one lives.
///
/// # Errors
/// A's socket cannot be made.
pub(crate) fn meet(
    chassis: &Chassis,
    slot: Slot,
    events: mpsc::Sender<LinkEvent>,
) -> std::io::Result<impl Future<Output = ()> + Send + use<>> {
    let path = chassis.tsync_socket(Slot::A);
    let peer = chassis.msm_lock(slot.peer());
    let listener = match slot {
        Slot::A => {
            let _ = std::fs::remove_file(&path);
            Some(UnixSeqpacketListener::bind(&path)?)
        }
        Slot::B => None,
    };
    Ok(async move {
        match listener {
            Some(listener) => listen(listener, peer, events).await,
            None => connect(&path, events).await,
        }
    })
}

/// A's side. `peer`: the lock that the MSM of the other slot holds.
async fn listen(mut listener: UnixSeqpacketListener, peer: PathBuf, events: mpsc::Sender<LinkEvent>) {
    let (sender, mut halves) = mpsc::channel::<(Channel, u64, UnixSeqpacket, Process)>(HALVES);
    let mut waiting: Vec<(Channel, u64, UnixSeqpacket, Process)> = Vec::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(socket) => {
                    let (sender, peer) = (sender.clone(), peer.clone());
                    // A stranger that says nothing holds up nobody.
                    tokio::spawn(async move {
                        match greet(&socket, Slot::B, &peer).await {
                            Ok((channel, pair, process)) => {
                                let _ = sender.send((channel, pair, socket, process)).await;
                            }
                            Err(why) => warn!("T-sync: connection refused: {why}"),
                        }
                    });
                }
                Err(error) => {
                    warn!("T-sync: cannot accept: {error}");
                    // Out of descriptors: the next accept would fail as fast.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            half = halves.recv() => {
                let Some(half) = half else { return };
                let other = waiting.iter().position(|(channel, pair, _, process)| {
                    *pair == half.1 && *channel != half.0 && process.pid() == half.3.pid()
                });
                let Some(other) = other else {
                    if waiting.len() == HALVES {
                        waiting.remove(0);
                    }
                    waiting.push(half);
                    continue;
                };
                let other = waiting.remove(other);
                let (control, bulk) = if half.0 == Channel::Control { (half.2, other.2) } else { (other.2, half.2) };
                let (pair, _) = Pair::new(control, bulk, half.3);
                if events.send(LinkEvent::Connected(pair)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Admits a peer and answers its hello.
async fn greet(socket: &UnixSeqpacket, from: Slot, lock: &Path) -> Result<(Channel, u64, Process), String> {
    let process = admit(socket)?;
    // A session ends the one before it, so only the MSM in the slot may begin one.
    if lock::holder(lock).is_none_or(|holder| holder.pid() != process.pid()) {
        return Err(format!("pid {} is not the MSM in slot {from}", process.pid()));
    }
    let hello = hear(socket).await?;
    if hello.slot != from.to_string() {
        return Err(format!("a hello of slot \"{}\"", hello.slot.escape_default()));
    }
    let channel = match hello.channel {
        1 => Channel::Control,
        2 => Channel::Bulk,
        other => return Err(format!("a hello for connection {other}")),
    };
    let answer = Hello { slot: from.peer().to_string(), ..hello.clone() };
    socket.send(&answer.encode_to_vec()).await.map_err(|e| e.to_string())?;
    Ok((channel, hello.pair, process))
}

fn admit(socket: &UnixSeqpacket) -> Result<Process, String> {
    let (uid, _) = process::peer_uid(&socket.as_async_fd()).map_err(|e| e.to_string())?;
    if uid != 0 {
        return Err(format!("its peer has uid {uid}; only root's MSMs are in this chassis"));
    }
    Process::peer(&socket.as_async_fd()).map_err(|e| format!("no pidfd of its peer: {e}"))
}

async fn hear(socket: &UnixSeqpacket) -> Result<Hello, String> {
    let mut buffer = [0; 64];
    let info = tokio::time::timeout(HELLO, socket.recv(&mut buffer))
        .await
        .map_err(|_| "no hello".to_owned())?
        .map_err(|e| e.to_string())?;
    if info.truncated() || info.bytes_read() == 0 {
        return Err("no hello".to_owned());
    }
    let hello = Hello::decode(&buffer[..info.bytes_read()]).map_err(|e| e.to_string())?;
    if hello.magic == MAGIC { Ok(hello) } else { Err("a hello of another protocol".to_owned()) }
}

/// B's side: one pair at a time; the next is made when this one has ended, which the peer's death or a drop tells.
async fn connect(path: &Path, events: mpsc::Sender<LinkEvent>) {
    let mut told = false;
    loop {
        match pair(path).await {
            Ok((pair, closed)) => {
                told = false;
                info!("T-sync: connected to MSM {} (pid {})", Slot::A, pair.pid());
                if events.send(LinkEvent::Connected(pair)).await.is_err() {
                    return;
                }
                // Nothing is ever sent: this ends when the session drops its side.
                let _ = closed.await;
            }
            Err(_) if told => {}
            Err(why) => {
                told = true;
                info!("T-sync: no MSM {} yet: {why}", Slot::A);
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn pair(path: &Path) -> Result<(Pair, oneshot::Receiver<()>), String> {
    let number = random();
    let (control, process) = join(path, number, 1).await?;
    let (bulk, _) = join(path, number, 2).await?;
    Ok(Pair::new(control, bulk, process))
}

async fn join(path: &Path, pair: u64, channel: u32) -> Result<(UnixSeqpacket, Process), String> {
    let socket = UnixSeqpacket::connect(path).await.map_err(|e| e.to_string())?;
    let process = admit(&socket)?;
    let hello = Hello { magic: MAGIC, channel, pair, slot: Slot::B.to_string() };
    socket.send(&hello.encode_to_vec()).await.map_err(|e| e.to_string())?;
    let answer = hear(&socket).await?;
    if answer.pair == pair && answer.slot == Slot::A.to_string() {
        Ok((socket, process))
    } else {
        Err("an answer to another hello".to_owned())
    }
}

/// A number that nobody else has: seeded by the kernel.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
