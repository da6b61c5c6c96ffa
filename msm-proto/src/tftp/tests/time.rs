//! Servers that are silent, stop, or take their time: every transfer ends.

use std::time::Duration;

use super::world::{Peer, file, read, run, write};
use crate::Time;
use crate::tftp::{LIMIT_MAX, Packet, TftpError};

fn data(block: u16) -> Vec<u8> {
    Packet::Data { block, bytes: &file(512) }.encode()
}

#[test]
fn a_silent_server_is_asked_five_times_in_fifteen_seconds() {
    for transfer in [read(LIMIT_MAX), write(b"x")] {
        let end = run(transfer, &mut |_: u16, _: &[u8]| Vec::new());
        assert_eq!(end.result, Err(TftpError::NoAnswer));
        assert_eq!(end.took, Duration::from_secs(15));
        assert_eq!(end.sent.len(), 5, "and no notice to whom nobody is");
    }
}

#[test]
fn a_server_that_stops_is_left() {
    let mut answered = 0;
    let end = run(read(LIMIT_MAX), &mut |_: u16, _: &[u8]| {
        answered += 1;
        if answered <= 3 { vec![(4000, data(answered))] } else { Vec::new() }
    });
    assert_eq!(end.result, Err(TftpError::Stalled { bytes: 3 * 512 }));
    assert_eq!(end.took.as_secs(), 15);
    assert_eq!(
        Packet::decode(&end.sent.last().expect("a notice").1).expect("a packet").kind().to_string(),
        "ERROR"
    );

    let mut answered = 0;
    let end = run(write(&file(5000)), &mut |_: u16, _: &[u8]| {
        answered += 1;
        if answered <= 3 { vec![(4000, Packet::Ack { block: answered - 1 }.encode())] } else { Vec::new() }
    });
    assert_eq!(end.result, Err(TftpError::Stalled { bytes: 2 * 512 }));
}

/// A server that only repeats itself makes no progress, however busy it is.
#[test]
fn a_parrot_is_left() {
    let end = run(read(LIMIT_MAX), &mut |_: u16, _: &[u8]| vec![(4000, data(1)), (4000, data(1))]);
    assert_eq!(end.result, Err(TftpError::Stalled { bytes: 512 }));
    assert!(end.took < Duration::from_secs(16), "{:?}", end.took);
    assert!(end.sent.len() < 20, "{}", end.sent.len());
}

/// One block in time, each time.
struct Sloth {
    block: u16,
    due: Option<Time>,
}

impl Peer for Sloth {
    fn hear(&mut self, now: Time, _port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        match Packet::decode(bytes) {
            Ok(Packet::Read { .. }) if self.block == 0 && self.due.is_none() => {}
            Ok(Packet::Ack { block }) if block == self.block && self.due.is_none() => {}
            _ => return Vec::new(),
        }
        self.due = Some(now + Duration::from_secs(14));
        Vec::new()
    }

    fn deadline(&self) -> Option<Time> {
        self.due
    }

    fn tick(&mut self, _now: Time) -> Vec<(u16, Vec<u8>)> {
        self.due = None;
        self.block += 1;
        vec![(4000, data(self.block))]
    }
}

#[test]
fn a_slow_server_gets_two_minutes() {
    let end = run(read(LIMIT_MAX), &mut Sloth { block: 0, due: None });
    assert_eq!(end.result, Err(TftpError::TooSlow { bytes: 8 * 512, seconds: 120 }));
    assert_eq!(end.took, Duration::from_secs(120));
}
