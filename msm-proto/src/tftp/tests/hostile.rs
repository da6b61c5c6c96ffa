//! Servers that lie or break the rules: each is named, and told.

use super::server::Server;
use super::world::{End, Peer, file, read, run, write};
use crate::Time;
use crate::tftp::{BLKSIZE, Kind, LIMIT_MAX, Packet, PacketError, TftpError, Transfer};

const TID: u16 = 4000;

/// Answers with these, one after the other, whatever it hears.
fn script(transfer: Transfer, answers: &[Vec<u8>]) -> End {
    let mut answers = answers.iter();
    run(transfer, &mut |_: u16, _: &[u8]| {
        answers.next().map(|bytes| (TID, bytes.clone())).into_iter().collect()
    })
}

fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Packet::OptionsAck { options }.encode()
}

fn data(block: u16, length: usize) -> Vec<u8> {
    Packet::Data { block, bytes: &file(length) }.encode()
}

fn ack(block: u16) -> Vec<u8> {
    Packet::Ack { block }.encode()
}

/// The error, and that the server was told with this code.
#[track_caller]
fn refused(end: &End, error: &TftpError, code: u16) {
    assert_eq!(end.result.as_ref(), Err(error));
    let (port, notice) = end.sent.last().expect("a notice");
    assert_eq!(*port, TID);
    let Ok(Packet::Error { code: told, .. }) = Packet::decode(notice) else { panic!("{notice:?}") };
    assert_eq!(told, code);
}

#[test]
fn a_size_over_the_limit_is_refused_before_a_byte() {
    let end = script(read(1000), &[oack(&[("tsize", "1001")])]);
    refused(&end, &TftpError::TooLarge { limit: 1000 }, 3);
    assert_eq!(end.sent.len(), 2);
    let end = script(read(usize::MAX), &[oack(&[("tsize", "18446744073709551615")])]);
    refused(&end, &TftpError::TooLarge { limit: LIMIT_MAX }, 3);
}

#[test]
fn more_bytes_than_the_limit_are_refused() {
    let end = script(read(1000), &[data(1, 512), data(2, 489)]);
    refused(&end, &TftpError::TooLarge { limit: 1000 }, 3);
    assert_eq!(script(read(1000), &[data(1, 512), data(2, 488)]).result.map(|bytes| bytes.len()), Ok(1000));
}

#[test]
fn a_size_that_is_not_kept_is_a_lie() {
    let end = script(read(LIMIT_MAX), &[oack(&[("tsize", "600")]), data(1, 512), data(2, 89)]);
    refused(&end, &TftpError::SizeLie { announced: 600, sent: 601 }, 0);
    let end = script(read(LIMIT_MAX), &[oack(&[("tsize", "600")]), data(1, 512), data(2, 87)]);
    refused(&end, &TftpError::SizeLie { announced: 600, sent: 599 }, 0);
}

#[test]
fn a_block_larger_than_agreed_is_refused() {
    refused(&script(read(LIMIT_MAX), &[data(1, 513)]), &TftpError::BlockTooLong { agreed: 512 }, 4);
    let agreed = oack(&[("blksize", "1428")]);
    let end = script(read(LIMIT_MAX), &[agreed, data(1, BLKSIZE + 1)]);
    refused(&end, &TftpError::BlockTooLong { agreed: BLKSIZE }, 4);
}

#[test]
fn options_are_as_asked_or_refused() {
    let unasked = |name: &str| TftpError::UnaskedOption { name: name.to_owned() };
    for (options, name) in [
        (&[("windowsize", "16")][..], "windowsize"),
        (&[("blksize", "512"), ("BlkSize", "512")], "blksize"),
        (&[("x", &"y".repeat(200))], "x"),
    ] {
        for transfer in [read(LIMIT_MAX), write(b"abc")] {
            refused(&script(transfer, &[oack(options)]), &unasked(name), 8);
        }
    }
    for (name, asked, value) in [
        ("blksize", "1428", "1429"),
        ("blksize", "1428", "7"),
        ("blksize", "1428", "0"),
        ("blksize", "1428", "-8"),
        ("blksize", "1428", "+512"),
        ("blksize", "1428", "99999999999999999999999"),
        ("timeout", "1", "3"),
        ("tsize", "0", "many"),
    ] {
        let (name_, asked, value_) = (name.to_owned(), asked.to_owned(), value.to_owned());
        let error = TftpError::BadOption { name: name_, asked, value: value_ };
        refused(&script(read(LIMIT_MAX), &[oack(&[(name, value)])]), &error, 8);
    }
    let error = TftpError::BadOption { name: "tsize".into(), asked: "3".into(), value: "4".into() };
    refused(&script(write(b"abc"), &[oack(&[("tsize", "4")])]), &error, 8);
}

#[test]
fn options_do_not_change_in_mid_transfer() {
    let first = oack(&[("tsize", "700")]);
    let end = script(read(LIMIT_MAX), &[first.clone(), data(1, 512), oack(&[("tsize", "900")])]);
    refused(&end, &TftpError::OptionsChanged, 4);
    let end = script(read(LIMIT_MAX), &[data(1, 512), first.clone()]);
    refused(&end, &TftpError::OptionsChanged, 4);
    let end = script(write(&file(2000)), &[ack(0), first]);
    refused(&end, &TftpError::OptionsChanged, 4);
}

#[test]
fn blocks_come_in_order() {
    for (answers, expected, got) in [
        (vec![data(2, 512)], 1, 2),
        (vec![data(0, 512)], 1, 0),
        (vec![data(1, 512), data(3, 512)], 2, 3),
        (vec![data(1, 512), data(40_000, 512)], 2, 40_000),
    ] {
        refused(&script(read(LIMIT_MAX), &answers), &TftpError::BlockSkipped { expected, got }, 4);
    }
    for (answers, expected, got) in
        [(vec![ack(1)], 0, 1), (vec![ack(0), ack(2)], 1, 2), (vec![ack(0), ack(65_535)], 1, 65_535)]
    {
        refused(&script(write(&file(5000)), &answers), &TftpError::BlockSkipped { expected, got }, 4);
    }
}

#[test]
fn packets_out_of_place_are_named() {
    let unexpected = |kind| TftpError::Unexpected { kind };
    refused(&script(read(9), &[ack(0)]), &unexpected(Kind::Ack), 4);
    refused(&script(write(b"x"), &[data(1, 5)]), &unexpected(Kind::Data), 4);
    let request = Packet::Read { file: "f".into(), options: Vec::new() }.encode();
    refused(&script(read(9), &[request]), &unexpected(Kind::Read), 4);
}

#[test]
fn garbage_is_named() {
    for (bytes, why) in [
        (&b""[..], PacketError::Short(0)),
        (b"\0", PacketError::Short(1)),
        (b"\0\x03\0", PacketError::Short(3)),
        (b"HTTP/1.1 400", PacketError::Opcode(0x4854)),
        (b"\0\x04\0\x01!", PacketError::Trailing { kind: Kind::Ack, bytes: 1 }),
        (b"\0\x06blksize\0", PacketError::Text { kind: Kind::OptionsAck }),
        (b"\0\x06blksize\x00512", PacketError::Text { kind: Kind::OptionsAck }),
        (b"\0\x06\xff\xfe\x001\0", PacketError::Text { kind: Kind::OptionsAck }),
        (
            b"\0\x06a\x001\0b\x001\0c\x001\0d\x001\0e\x001\0f\x001\0g\x001\0h\x001\0i\x001\0",
            PacketError::Options { kind: Kind::OptionsAck },
        ),
    ] {
        refused(&script(read(9), &[bytes.to_vec()]), &TftpError::Garbage(why.clone()), 4);
        refused(&script(read(9999), &[data(1, 512), bytes.to_vec()]), &TftpError::Garbage(why), 4);
    }
}

/// What the server writes reaches a terminal and a log: bounded and printable, and it is not answered.
#[test]
fn an_error_of_the_server_is_told() {
    let refusal = |code, text: &[u8]| [&[0, 5, 0, code], text, &[0]].concat();
    let told = |bytes: Vec<u8>| script(read(9), &[bytes]);
    let end = told(refusal(1, b"no such file"));
    assert_eq!(end.result, Err(TftpError::Refused { code: 1, text: "no such file".into() }));
    assert_eq!(end.sent.len(), 1, "an ERROR is not answered");
    let error = end.result.expect_err("refused").to_string();
    assert_eq!(
        error,
        "the server refuses: file not found (error 1: no such file); check the name, and the folder that the server serves"
    );
    let end = told(refusal(99, b"\xff\x1b[2J\r\n"));
    assert_eq!(
        end.result,
        Err(TftpError::Refused { code: 99, text: "\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}".into() })
    );
    let Err(TftpError::Refused { text, .. }) = told(refusal(0, &[b'x'; 1400])).result else {
        panic!("refused")
    };
    assert_eq!(text.len(), 200);
    // Without its NUL, and without any text.
    assert_eq!(told(vec![0, 5, 0, 2]).result, Err(TftpError::Refused { code: 2, text: String::new() }));
}

/// A server with company: whoever else sends from the same address does not disturb.
struct Crowd {
    server: Server,
    intruders: Vec<Vec<u8>>,
}

impl Peer for Crowd {
    fn hear(&mut self, now: Time, port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        if port == 6666 {
            return Vec::new();
        }
        let mut answers = self.server.hear(now, port, bytes);
        answers.extend(self.intruders.iter().map(|bytes| (6666, bytes.clone())));
        answers
    }
}

#[test]
fn other_ports_are_turned_away_without_disturbing() {
    let intruders = vec![data(1, 512), ack(1), b"junk".to_vec(), vec![0, 5, 0, 1, 0]];
    for transfer in [read(LIMIT_MAX), write(&file(5000))] {
        let mut crowd = Crowd { server: Server::knowing_all(file(5000)), intruders: intruders.clone() };
        let end = run(transfer, &mut crowd);
        assert!(end.result.is_ok(), "{:?}", end.result);
        let turned_away: Vec<_> = end.sent.iter().filter(|(port, _)| *port == 6666).collect();
        // Three of four an answer: an ERROR is never answered. Bounded: nobody makes us a loudspeaker.
        assert!((9..=16).contains(&turned_away.len()), "{}", turned_away.len());
        assert!(turned_away.iter().all(|(_, bytes)| bytes.starts_with(&[0, 5, 0, 5])));
    }
}

#[test]
fn what_is_held_stays_under_the_limit() {
    let limit = 100_000;
    let mut transfer = read(limit);
    transfer.step(Time(1), crate::tftp::Input::Start);
    for block in 1..=u16::MAX {
        transfer.step(Time(2), crate::tftp::Input::Datagram { port: TID, bytes: data(block, 512) });
        assert!(transfer.held() <= limit);
        if transfer.deadline().is_none() {
            assert_eq!(usize::from(block), limit / 512 + 1);
            return;
        }
    }
    panic!("it took everything");
}
