//! One client, one server, a network between them and a clock that jumps.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Time;
use crate::tftp::{Input, Output, PORT, TftpError, Transfer};

/// What the network does to a packet, by its number among all packets of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Arrives,
    IsLost,
    /// Arrives, and again this much later.
    Twice(Duration),
}

/// The other end. Ports are the server's: the client has one.
pub(super) trait Peer {
    /// A datagram to `port`. What is sent at once: from which port, which bytes.
    fn hear(&mut self, now: Time, port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)>;
    /// When it wants to act of itself.
    fn deadline(&self) -> Option<Time> {
        None
    }
    fn tick(&mut self, _now: Time) -> Vec<(u16, Vec<u8>)> {
        Vec::new()
    }
}

impl<F: FnMut(u16, &[u8]) -> Vec<(u16, Vec<u8>)>> Peer for F {
    fn hear(&mut self, _now: Time, port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        self(port, bytes)
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) result: Result<Vec<u8>, TftpError>,
    pub(super) took: Duration,
    /// What the client sent, and to which port.
    pub(super) sent: Vec<(u16, Vec<u8>)>,
    /// Packets in both directions.
    pub(super) packets: usize,
}

enum Flight {
    ToServer(u16, Vec<u8>),
    ToClient(u16, Vec<u8>),
}

const ONE_WAY: Duration = Duration::from_micros(100);
/// More than any lawful run here has.
const PACKETS_MAX: usize = 1_000_000;
/// The clock of a real host does not begin at 0.
const BOOT: Time = Time(77_000_000_000);

/// Runs to the end, and then until nothing is in flight.
pub(super) fn run(transfer: Transfer, server: &mut dyn Peer) -> End {
    run_with(transfer, server, |_| Fate::Arrives)
}

pub(super) fn run_with(mut transfer: Transfer, server: &mut dyn Peer, fate: impl Fn(usize) -> Fate) -> End {
    let mut air: BTreeMap<(Time, usize), Flight> = BTreeMap::new();
    let mut end =
        End { result: Err(TftpError::NoAnswer), took: Duration::ZERO, sent: Vec::new(), packets: 0 };
    let mut serial = 0;
    let mut ended = None;
    let mut now = BOOT;
    let mut outputs = transfer.step(now, Input::Start);
    let mut answers: Vec<(u16, Vec<u8>)> = Vec::new();
    loop {
        let mut fly = |now: Time, flight: &dyn Fn() -> Flight, end: &mut End| {
            let mut put = |at| {
                serial += 1;
                air.insert((at, serial), flight());
            };
            match fate(end.packets) {
                Fate::Arrives => put(now + ONE_WAY),
                Fate::IsLost => {}
                Fate::Twice(later) => {
                    put(now + ONE_WAY);
                    put(now + ONE_WAY + later);
                }
            }
            end.packets += 1;
            assert!(end.packets < PACKETS_MAX, "packets breed packets");
        };
        for output in outputs.drain(..) {
            match output {
                Output::Send { port, bytes } => {
                    fly(now, &|| Flight::ToServer(port, bytes.clone()), &mut end);
                    end.sent.push((port, bytes));
                }
                Output::Done(result) => {
                    assert!(ended.is_none(), "it ends once");
                    ended = Some(now);
                    end.result = result;
                }
            }
        }
        for (port, bytes) in answers.drain(..) {
            fly(now, &|| Flight::ToClient(port, bytes.clone()), &mut end);
        }
        assert_eq!(transfer.deadline().is_none(), ended.is_some(), "no state is without an end");
        let arrival = air.keys().next().map(|(at, _)| *at);
        if let Some(at) = ended
            && arrival.is_none()
        {
            end.took = at - BOOT;
            return end;
        }
        let servers = server.deadline().filter(|_| ended.is_none());
        now = [arrival, transfer.deadline(), servers].into_iter().flatten().min().expect("something is due");
        if arrival == Some(now) {
            match air.pop_first().expect("it is due").1 {
                Flight::ToServer(port, bytes) => answers = server.hear(now, port, &bytes),
                Flight::ToClient(port, bytes) => {
                    outputs = transfer.step(now, Input::Datagram { port, bytes });
                }
            }
        } else if servers == Some(now) {
            answers = server.tick(now);
        } else {
            outputs = transfer.step(now, Input::Tick);
        }
    }
}

pub(super) fn read(limit: usize) -> Transfer {
    Transfer::read(PORT, "switch.cfg", limit).expect("a lawful request")
}

pub(super) fn write(bytes: &[u8]) -> Transfer {
    Transfer::write(PORT, "switch.cfg", bytes.to_vec()).expect("a lawful request")
}

/// Bytes that tell where they belong.
pub(super) fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}
