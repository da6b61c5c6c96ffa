//! Carrier of veths whose two ends have the same ifindex, asked for every 2 ms.
//!
//! The kernel puts a carrier event off by up to a second unless it finds it urgent, and a netdev whose IFLA_LINK equals its own
//! ifindex does not look like one that stands on another (net/core/link_watch.c, linkwatch_urgent_event). RTM_GETLINK of one
//! netdev works off its pending event first (rtnl_getlink), so asking is also what makes the kernel tell everybody.
//! An OS thread, because its period must hold while the runtime is busy.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use rtnetlink::packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use rtnetlink::sys::{Socket, SocketAddr};
use tokio::sync::mpsc;
use tracing::warn;

use super::view::View;
use super::{NetlinkError, link};

/// Between two rounds.
const PERIOD: Duration = Duration::from_millis(2);
/// Netdevs polled at most: each costs about 9 us a round, 64 of them 30 % of a CPU. Others keep their late carrier.
const MAX_POLLED: usize = 64;
/// Answers the links task may be behind; a change that finds no room is found again in the next round.
const QUEUE: usize = 256;

/// A carrier that differs from the view's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Polled {
    pub(super) ifindex: u32,
    pub(super) carrier: bool,
    pub(super) carrier_changes: u32,
}

#[derive(Default)]
struct Shared {
    watched: Mutex<BTreeSet<u32>>,
    stop: AtomicBool,
}

impl Shared {
    fn watched(&self) -> BTreeSet<u32> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The thread; it is parked while it has nothing to watch and ends with this value.
pub(super) struct Poller {
    shared: Arc<Shared>,
    thread: thread::Thread,
    answers: mpsc::Receiver<Polled>,
}

impl Poller {
    /// Starts the thread in the caller's network namespace.
    pub(super) fn start(view: View) -> Result<Self, NetlinkError> {
        let failed = |source| NetlinkError::Socket { what: "polling carrier", source };
        let asker = Asker::open().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let (changes, answers) = mpsc::channel(QUEUE);
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("carrier".to_owned())
            .spawn(move || run(&theirs, asker, &view, &changes))
            .map_err(failed)?;
        Ok(Self { shared, thread: thread.thread().clone(), answers })
    }

    /// Starts or ends polling one netdev.
    pub(super) fn watch(&self, ifindex: u32, wanted: bool) {
        let mut watched = self.shared.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !wanted {
            watched.remove(&ifindex);
        } else if watched.len() < MAX_POLLED && watched.insert(ifindex) {
            self.thread.unpark();
        }
    }

    /// The next change; `None` when the thread is gone. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Polled> {
        self.answers.recv().await
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn run(shared: &Shared, mut asker: Asker, view: &View, changes: &mpsc::Sender<Polled>) {
    let mut failed = false;
    while !shared.stop.load(Ordering::Relaxed) {
        let watched = shared.watched();
        if watched.is_empty() {
            thread::park();
            continue;
        }
        for ifindex in watched {
            match asker.ask(ifindex) {
                Ok(answer) => {
                    let differs = |polled: &Polled| {
                        view.by_index(ifindex).is_some_and(|dev| dev.carrier != polled.carrier)
                    };
                    if let Some(polled) = answer.filter(differs) {
                        // No room: the next round finds the same difference.
                        let _ = changes.try_send(polled);
                    }
                }
                Err(error) if !failed => {
                    warn!(%error, ifindex, "netlink: carrier cannot be polled");
                    failed = true;
                }
                Err(_) => {}
            }
        }
        thread::sleep(PERIOD);
    }
}

/// A socket, and the number of the last question: an answer left over from an earlier one is not taken for this one's.
struct Asker {
    socket: Socket,
    sequence: u32,
}

impl Asker {
    fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // The kernel has queued the answer when `send` returns, so there is never a reason to wait for one.
        socket.set_non_blocking(true)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks for one link. `None` when the netdev is gone.
    fn ask(&mut self, ifindex: u32) -> io::Result<Option<Polled>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = LinkMessage::default();
        message.header.index = ifindex;
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetLink(message));
        request.header.flags = NLM_F_REQUEST;
        request.header.sequence_number = self.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        loop {
            let (answer, _) = self.socket.recv_from_full()?;
            let answer =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
            if answer.header.sequence_number == self.sequence {
                return Ok(polled(&answer.payload));
            }
        }
    }
}

fn polled(answer: &NetlinkPayload<RouteNetlinkMessage>) -> Option<Polled> {
    let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message)) = answer else { return None };
    let dev = link::read(message)?;
    Some(Polled { ifindex: dev.ifindex, carrier: dev.carrier, carrier_changes: dev.carrier_changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers_before_send_returns() {
        let mut asker = Asker::open().unwrap();
        for _ in 0..100 {
            assert_eq!(asker.ask(1).unwrap().unwrap().ifindex, 1, "the loopback is always index 1");
            assert_eq!(asker.ask(0x7fff_ffff).unwrap(), None);
        }
    }
}
