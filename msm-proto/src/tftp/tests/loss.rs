//! A network that loses and copies: each packet in turn, and all of them.

use std::time::Duration;

use super::server::Server;
use super::world::{End, Fate, file, read, run, run_with, write};
use crate::Time;
use crate::tftp::{Input, LIMIT_MAX, Packet};

const LENGTH: usize = 3 * 1428 + 7;

/// Both directions of transfer, with options and without, each under `fate`. Gives the end and what the clean run took.
fn everywhere(fate: impl Fn(usize, usize) -> Fate, check: impl Fn(&End, &End)) {
    for server in [Server::plain, Server::knowing_all] {
        let clean = run(read(LIMIT_MAX), &mut server(file(LENGTH)));
        for packet in 0..clean.packets {
            let end = run_with(read(LIMIT_MAX), &mut server(file(LENGTH)), |number| fate(packet, number));
            assert_eq!(end.result, Ok(file(LENGTH)), "reading, packet {packet}");
            check(&end, &clean);
        }
        let clean = run(write(&file(LENGTH)), &mut server(Vec::new()));
        for packet in 0..clean.packets {
            let mut sink = server(Vec::new());
            let end = run_with(write(&file(LENGTH)), &mut sink, |number| fate(packet, number));
            assert_eq!(end.result, Ok(Vec::new()), "writing, packet {packet}");
            assert!(sink.written.iter().all(|written| *written == file(LENGTH)), "writing, packet {packet}");
            assert_eq!(sink.written.len(), 1, "writing, packet {packet}");
            check(&end, &clean);
        }
    }
}

#[test]
fn any_one_packet_may_be_lost() {
    everywhere(
        |packet, number| if number == packet { Fate::IsLost } else { Fate::Arrives },
        |end, clean| {
            // The test's server repeats after two seconds.
            assert!(end.took < Duration::from_millis(2100), "{:?}", end.took);
            assert!(end.packets <= clean.packets + 4, "{} of {}", end.packets, clean.packets);
        },
    );
}

#[test]
fn any_three_packets_in_a_row_may_be_lost() {
    everywhere(
        |packet, number| if (packet..packet + 3).contains(&number) { Fate::IsLost } else { Fate::Arrives },
        |end, _| assert!(end.took < Duration::from_secs(8), "{:?}", end.took),
    );
}

#[test]
fn any_one_packet_may_be_copied() {
    for later in [Duration::ZERO, Duration::from_micros(350), Duration::from_millis(500)] {
        everywhere(
            |packet, number| if number == packet { Fate::Twice(later) } else { Fate::Arrives },
            // A copied request makes a second transfer at the server, which is told that it is unknown.
            |end, clean| assert!(end.packets <= clean.packets + 2, "{} of {}", end.packets, clean.packets),
        );
    }
}

/// The Sorcerer's Apprentice: one copy must not make every packet after it twice.
#[test]
fn copies_do_not_multiply() {
    let blocks = 50;
    for server in [Server::plain, Server::knowing_all] {
        for apprentice in [false, true] {
            let server = || Server { apprentice, ..server(file(512 * blocks)) };
            let clean = run(read(LIMIT_MAX), &mut server());
            let end = run_with(read(LIMIT_MAX), &mut server(), |_| Fate::Twice(Duration::from_micros(10)));
            assert_eq!(end.result, Ok(file(512 * blocks)));
            assert!(end.sent.len() <= clean.sent.len() + 3, "{} of {}", end.sent.len(), clean.sent.len());
        }
    }
}

/// RFC 1123 4.2.3.1: DATA is sent again by the clock, never because of a copied ACK, however late that is.
#[test]
fn a_copied_acknowledgement_sends_no_data() {
    let mut transfer = write(&file(5000));
    let ack = |block| Input::Datagram { port: 4000, bytes: Packet::Ack { block }.encode() };
    transfer.step(Time(0), Input::Start);
    assert_eq!(transfer.step(Time(1), ack(0)).len(), 1);
    assert_eq!(transfer.step(Time(2), ack(1)).len(), 1);
    for late_ms in [0, 100, 300, 900] {
        let now = Time(2) + Duration::from_millis(late_ms);
        assert_eq!(transfer.step(now, ack(1)), []);
        assert_eq!(transfer.step(now, ack(0)), []);
    }
}
