//! Numbered datagrams both ways between two hosts, from addresses behind them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netns_tests::bed::Testbed;

/// Between datagrams: far under what the stack forwards.
const EVERY: Duration = Duration::from_millis(4);
/// The last ones are on their way for less.
const LATE: Duration = Duration::from_millis(500);
const PORT: u16 = 5000;

/// Arrivals at one end: how many different ones, and the longest time without.
struct Heard {
    count: u64,
    gap: Duration,
}

/// A flow each way.
pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<u64>>,
    receivers: Vec<JoinHandle<Heard>>,
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
            socket.set_read_timeout(Some(LATE)).expect("a timeout");
            sockets.push((socket, at));
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let (socket, to) = (sockets[from].0.try_clone().expect("a copy"), sockets[to].1);
            let ended = Arc::clone(&stop);
            senders.push(std::thread::spawn(move || send(&socket, to, &ended)));
            let socket = sockets[from].0.try_clone().expect("a copy");
            let ended = Arc::clone(&stop);
            receivers.push(std::thread::spawn(move || receive(&socket, &ended)));
        }
        Self { stop, senders, receivers }
    }

    /// Ends it: sent, lost, longest gap.
    pub(crate) fn stop(self) -> (u64, u64, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let sent: u64 = self.senders.into_iter().map(|thread| thread.join().expect("sent")).sum();
        let heard: Vec<Heard> =
            self.receivers.into_iter().map(|thread| thread.join().expect("heard")).collect();
        let count: u64 = heard.iter().map(|heard| heard.count).sum();
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

fn receive(socket: &UdpSocket, stop: &AtomicBool) -> Heard {
    let mut heard = Heard { count: 0, gap: Duration::ZERO };
    let (mut seen, mut last) = (std::collections::BTreeSet::new(), Instant::now());
    let mut buffer = [0; 64];
    loop {
        match socket.recv(&mut buffer) {
            Ok(8) => {
                heard.gap = heard.gap.max(last.elapsed());
                last = Instant::now();
                let number: [u8; 8] = buffer[..8].try_into().expect("eight bytes");
                heard.count += u64::from(seen.insert(number));
            }
            Ok(_) => {}
            // An unreachable message of the way there is none of the way back.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) if stop.load(Ordering::Relaxed) => return heard,
            Err(_) => {}
        }
    }
}
