//! The TFTP client before a server that says anything, at any time, from any port.
//!
//! An input is a script: a first byte (odd: write, even: read), then events of
//! `wait, port, kept, padding (2)` and `kept` bytes. Each is a datagram of those bytes and `padding` zeros, so that a
//! short script can send full blocks.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use msm_proto::Time;
use msm_proto::tftp::{DATAGRAM_ROOM, Input, Output, PORT, Packet, Transfer};

const LIMIT: usize = 6000;
const TOTAL: Duration = Duration::from_secs(120);

fuzz_target!(|script: &[u8]| {
    let Some((kind, mut events)) = script.split_first() else { return };
    let writes = kind % 2 == 1;
    let mut transfer = if writes {
        Transfer::write(PORT, "f", vec![7; LIMIT - usize::from(*kind)])
    } else {
        Transfer::read(PORT, "f", LIMIT)
    }
    .expect("a lawful request");
    let start = Time(1 << 40);
    let mut now = start;
    let mut outputs = transfer.step(now, Input::Start);
    while let Some(([wait, port, kept, high, low], rest)) = events.split_first_chunk() {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*kept)));
        events = rest;
        let mut bytes = bytes.to_vec();
        let padding = usize::from(u16::from_be_bytes([*high, *low])) % DATAGRAM_ROOM;
        bytes.resize(bytes.len() + padding, 0);
        again(&bytes);
        now = now + Duration::from_millis(u64::from(*wait).pow(2) / 8);
        outputs.extend(transfer.step(now, Input::Datagram { port: 4000 + u16::from(*port), bytes }));
        assert!(transfer.held() <= LIMIT, "it grew past its limit");
    }
    while let Some(deadline) = transfer.deadline() {
        assert!(deadline <= start + TOTAL, "it has no end");
        now = now.max(deadline);
        outputs.extend(transfer.step(now, Input::Tick));
    }
    let mut ends = 0;
    for output in outputs {
        match output {
            Output::Send { bytes, .. } => {
                assert!(Packet::decode(&bytes).is_ok(), "it sent what is no packet")
            }
            Output::Done(result) => {
                ends += 1;
                match result {
                    Ok(bytes) => assert!(bytes.len() <= if writes { 0 } else { LIMIT }),
                    Err(error) => assert!(error.to_string().len() < 1000, "an error without a bound"),
                }
            }
        }
    }
    assert_eq!(ends, 1, "it ends once");
    assert!(transfer.step(now, Input::Tick).is_empty(), "it acts after its end");
});

/// What is understood means the same when it is written again.
fn again(bytes: &[u8]) {
    if let Ok(packet) = Packet::decode(bytes) {
        let encoded = packet.encode();
        assert_eq!(Packet::decode(&encoded), Ok(packet));
    }
}
