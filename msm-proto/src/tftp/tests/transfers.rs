//! Lawful transfers: every boundary of a length, with and without options, round the block numbers.

use super::server::Server;
use super::world::{file, read, run, write};
use crate::tftp::{BLKSIZE, FILE_NAME_MAX, Input, LIMIT_MAX, Output, PORT, Packet, TftpError, Transfer};

const LENGTHS: [usize; 12] = [0, 1, 511, 512, 513, 1024, 1427, 1428, 1429, 2856, 2857, 20_000];

fn servers(file: &[u8]) -> [Server; 4] {
    let of = |options: &[&'static str], blksize| Server {
        file: file.to_vec(),
        options: options.to_vec(),
        blksize,
        ..Server::default()
    };
    [
        of(&[], None),
        of(&["blksize", "timeout", "tsize"], None),
        of(&["tsize"], None),
        of(&["blksize"], Some(8)),
    ]
}

#[test]
fn reads_every_length() {
    for length in LENGTHS {
        for mut server in servers(&file(length)) {
            let end = run(read(length), &mut server);
            assert_eq!(end.result, Ok(file(length)), "{length} bytes of {server:?}");
        }
    }
}

#[test]
fn writes_every_length() {
    for length in LENGTHS {
        for mut server in servers(&[]) {
            let end = run(write(&file(length)), &mut server);
            assert_eq!(end.result, Ok(Vec::new()));
            assert_eq!(server.written, [file(length)], "{length} bytes");
        }
    }
}

/// One packet a block and one answer: nothing is sent without need.
#[test]
fn a_clean_run_wastes_nothing() {
    let mut server = Server::knowing_all(file(10 * BLKSIZE));
    let end = run(read(LIMIT_MAX), &mut server);
    // RRQ, OACK, ACK 0, ten full blocks and the empty one with their ACKs.
    assert_eq!(end.packets, 3 + 11 * 2);
}

#[test]
fn block_numbers_go_round() {
    let long = file(8 * 70_000 + 3);
    let server = |file| Server { file, options: vec!["blksize"], blksize: Some(8), ..Server::default() };
    assert_eq!(run(read(LIMIT_MAX), &mut server(long.clone())).result, Ok(long.clone()));
    let mut sink = server(Vec::new());
    assert_eq!(run(write(&long), &mut sink).result, Ok(Vec::new()));
    assert_eq!(sink.written, [long]);
}

#[test]
fn the_request_is_as_the_rfcs_have_it() {
    let first = |mut transfer: Transfer| transfer.step(crate::Time(5), Input::Start);
    let sent = |bytes: &[u8]| vec![Output::Send { port: PORT, bytes: bytes.to_vec() }];
    assert_eq!(
        first(read(10)),
        sent(b"\0\x01switch.cfg\0octet\0blksize\x001428\0timeout\x001\0tsize\x000\0")
    );
    assert_eq!(
        first(write(b"abc")),
        sent(b"\0\x02switch.cfg\0octet\0blksize\x001428\0timeout\x001\0tsize\x003\0")
    );
    let longest = Transfer::write(PORT, &"n".repeat(FILE_NAME_MAX), vec![0; LIMIT_MAX]).expect("lawful");
    let Output::Send { bytes, .. } = &first(longest)[0] else { panic!("a request") };
    assert!(bytes.len() <= 512, "RFC 2347: {} octets", bytes.len());
    assert!(Packet::decode(bytes).is_ok());
}

#[test]
fn what_cannot_be_asked_for_is_refused_at_once() {
    for name in ["", "a\0b", "line\nbreak", &"n".repeat(FILE_NAME_MAX + 1)] {
        assert_eq!(Transfer::read(PORT, name, 1).err(), Some(TftpError::FileName), "{name:?}");
        assert_eq!(Transfer::write(PORT, name, Vec::new()).err(), Some(TftpError::FileName), "{name:?}");
    }
    let error = Transfer::write(PORT, "f", vec![0; LIMIT_MAX + 1]).err();
    assert_eq!(error, Some(TftpError::TooLarge { limit: LIMIT_MAX }));
}

/// A run is a list of inputs with their times: it can be kept and played again.
#[test]
fn runs_can_be_recorded() {
    let inputs = [Input::Start, Input::Tick, Input::Datagram { port: 7, bytes: vec![0, 3, 0, 1, 255] }];
    let text = serde_json::to_string(&inputs).expect("serialisable");
    assert_eq!(serde_json::from_str::<Vec<Input>>(&text).expect("readable"), inputs);
    let outputs: Vec<Output> = inputs
        .into_iter()
        .scan(read(1), |transfer, input| Some(transfer.step(crate::Time(9), input)))
        .flatten()
        .collect();
    let text = serde_json::to_string(&outputs).expect("serialisable");
    assert_eq!(serde_json::from_str::<Vec<Output>>(&text).expect("readable"), outputs);
    assert_eq!(outputs.last(), Some(&Output::Done(Ok(vec![255]))));
}
