//! Numbered datagrams both ways between two hosts, from addresses behind them.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netns_tests::bed::Testbed;

/// Between datagrams: far under what the stack forwards.
const EVERY: Duration = Duration::from_millis(4);
/// The last ones are on their way for less: where others work in real time, a second passes before the kernel's own threads are let in.
const LATE: Duration = Duration::from_secs(5);
/// How often a receiver looks whether it has all.
const LOOK: Duration = Duration::from_millis(50);
/// Not yet known.
const OPEN: u64 = u64::MAX;
const PORT: u16 = 5000;

/// Arrivals at one end, and the longest time without.
struct Heard {
    seen: BTreeSet<u64>,
    gap: Duration,
}

/// A flow each way.
pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<u64>>,
    receivers: Vec<(Arc<AtomicU64>, JoinHandle<Heard>)>,
}

impl Flow {
    /// Starts it between two hosts, each with its address.
    pub(crate) fn start(bed: &Testbed, one: (&str, &str), other: (&str, &str)) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut senders, mut receivers) = (Vec::new(), Vec::new());
        let mut sockets = Vec::new();
        for (host, address) in [one, other] {
            let at = SocketAddr::new(address.parse().expect("an address"), PORT);
            let host = bed.host(host).expect("a host");
            let socket = host.enter(|| UdpSocket::bind(at)).expect("a namespace").expect("bound");
            socket.set_read_timeout(Some(LOOK)).expect("a timeout");
            sockets.push((socket, at));
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let (socket, to) = (sockets[from].0.try_clone().expect("a copy"), sockets[to].1);
            let ended = Arc::clone(&stop);
            senders.push(std::thread::spawn(move || send(&socket, to, &ended)));
            let socket = sockets[from].0.try_clone().expect("a copy");
            let due = Arc::new(AtomicU64::new(OPEN));
            let known = Arc::clone(&due);
            receivers.push((due, std::thread::spawn(move || receive(&socket, &known))));
        }
        Self { stop, senders, receivers }
    }

    /// Ends it: sent, lost, longest gap.
    pub(crate) fn stop(self) -> (u64, u64, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let sent: Vec<u64> = self.senders.into_iter().map(|thread| thread.join().expect("sent")).collect();
        // The first sender's datagrams are due at the second socket.
        for ((due, _), sent) in self.receivers.iter().zip(sent.iter().rev()) {
            due.store(*sent, Ordering::Relaxed);
        }
        let heard: Vec<Heard> =
            self.receivers.into_iter().map(|(_, thread)| thread.join().expect("heard")).collect();
        for (heard, sent) in heard.iter().zip(sent.iter().rev()) {
            let lost: Vec<u64> = (0..*sent).filter(|number| !heard.seen.contains(number)).collect();
            if let (Some(first), Some(last)) = (lost.first(), lost.last()) {
                println!("lost {} of {sent} one way, the first is {first}, the last {last}", lost.len());
            }
        }
        let count: u64 = heard.iter().map(|heard| heard.seen.len() as u64).sum();
        let sent: u64 = sent.into_iter().sum();
        (sent, sent - count, heard.iter().map(|heard| heard.gap).max().unwrap_or_default())
    }
}

/// A datagram that the kernel has no route for is a lost one.
fn send(socket: &UdpSocket, to: SocketAddr, stop: &AtomicBool) -> u64 {
    let mut number = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let _ = socket.send_to(&number.to_be_bytes(), to);
        number += 1;
        std::thread::sleep(EVERY);
    }
    number
}

fn receive(socket: &UdpSocket, due: &AtomicU64) -> Heard {
    let mut heard = Heard { seen: BTreeSet::new(), gap: Duration::ZERO };
    let mut last = Instant::now();
    let mut until = None;
    let mut buffer = [0; 64];
    loop {
        // An unreachable message of the way there is none of the way back.
        if let Ok(8) = socket.recv(&mut buffer) {
            heard.gap = heard.gap.max(last.elapsed());
            last = Instant::now();
            let number: [u8; 8] = buffer[..8].try_into().expect("eight bytes");
            heard.seen.insert(u64::from_be_bytes(number));
        }
        let due = due.load(Ordering::Relaxed);
        if due != OPEN {
            let until = *until.get_or_insert_with(|| Instant::now() + LATE);
            if heard.seen.len() as u64 >= due || Instant::now() >= until {
                return heard;
            }
        }
    }
}
