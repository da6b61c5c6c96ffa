//! Frames: what is written is read, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::lacp::{Marker, PacketError};

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn pdu() -> Lacpdu {
    let info = |n: u8| Info {
        system_priority: 0x8000 + u16::from(n),
        system: [2, 0, 0, 0, 1, n],
        key: u16::from(n) + 7,
        port_priority: 0x100,
        port: u16::from(n) + 0x201,
        state: 0x3d + n,
    };
    Lacpdu { actor: info(1), partner: info(2) }
}

#[test]
fn a_lacpdu_has_the_standards_layout() {
    let frame = pdu().encode(SOURCE);
    assert_eq!(frame.len(), 124);
    assert_eq!(frame[..14], [1, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x88, 9]);
    assert_eq!(frame[14..18], [1, 1, 1, 20]);
    assert_eq!(frame[18..33], [0x80, 1, 2, 0, 0, 0, 1, 1, 0, 8, 1, 0, 2, 2, 0x3e]);
    assert_eq!(frame[36..38], [2, 20]);
    assert_eq!(frame[56..60], [3, 16, 0, 0]);
    assert!(frame[60..].iter().all(|byte| *byte == 0));
    assert_eq!(Pdu::decode(&frame), Ok(Pdu::Lacp(pdu())));
}

#[test]
fn every_truncation_is_refused() {
    let marker = Marker { port: 1, system: [2; 6], transaction: 7 };
    for frame in [pdu().encode(SOURCE), marker.respond(SOURCE)] {
        for length in 0..frame.len() {
            assert_eq!(Pdu::decode(&frame[..length]), Err(PacketError::Short(length)));
        }
        // A longer one is padded.
        let long: Vec<u8> = frame.iter().copied().chain([0xff; 40]).collect();
        assert_eq!(Pdu::decode(&long), Pdu::decode(&frame));
    }
}

#[test]
fn versions_types_and_lengths() {
    let changed = |at: usize, to: u8| {
        let mut frame = pdu().encode(SOURCE);
        frame[at] = to;
        Pdu::decode(&frame)
    };
    for version in [0, 2, 255] {
        assert_eq!(changed(15, version), Ok(Pdu::Lacp(pdu())), "a version is not judged");
    }
    assert_eq!(changed(14, 3), Err(PacketError::Subtype(3)));
    assert_eq!(changed(17, 19), Err(PacketError::Length { length: 19, wanted: 20 }));
    assert_eq!(changed(37, 0), Err(PacketError::Length { length: 0, wanted: 20 }));
    assert_eq!(changed(5, 3), Err(PacketError::Foreign));
    assert_eq!(changed(13, 8), Err(PacketError::Foreign));
}

#[test]
fn a_marker_is_sent_back() {
    let marker = Marker { port: 0x102, system: [2, 0, 0, 0, 0, 1], transaction: 0x0102_0304 };
    let answer = marker.respond(SOURCE);
    assert_eq!(Pdu::decode(&answer), Ok(Pdu::MarkerResponse(marker)));
    let mut question = answer;
    question[16] = 1;
    assert_eq!(Pdu::decode(&question), Ok(Pdu::Marker(marker)));
    question[16] = 9;
    assert_eq!(Pdu::decode(&question), Err(PacketError::MarkerType(9)));

    let mut lacp = Lacp::default();
    lacp.step(at(0), Input::Config(config(1, [0, 1], false)));
    let ask = |port| Input::Pdu { port, pdu: Pdu::Marker(marker) };
    assert_eq!(lacp.step(at(0), ask(0)), [], "its link is down");
    lacp.step(at(0), Input::Links([0, 1].into()));
    let outputs = lacp.step(at(1), ask(1));
    assert!(outputs.contains(&Output::Send { port: 1, frame: marker.respond([2, 0, 0, 0, 0, 1]) }));
    assert!(lacp.step(at(2), Input::Pdu { port: 1, pdu: Pdu::MarkerResponse(marker) }).is_empty());
    assert_eq!(lacp.step(at(2), ask(7)), [], "a port of no group");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), slow in any::<bool>()) {
        if slow && bytes.len() > 15 {
            bytes[..6].copy_from_slice(&super::super::GROUP);
            bytes[12..14].copy_from_slice(&[0x88, 9]);
            bytes[14] = 1 + bytes[14] % 2;
        }
        let _ = Pdu::decode(&bytes);
    }

    /// Whatever a partner says, whatever a replica has in it: an engine goes on, and asks for a time that comes.
    #[test]
    fn any_partner_and_replica_is_survived(
        infos in prop::collection::vec((any::<[u8; 6]>(), any::<u8>(), any::<u8>(), 0u16..3), 1..30),
        replica in prop::collection::vec(any::<u8>(), 0..90),
    ) {
        let mut replica = replica;
        if replica.len() > 3 {
            replica[..3].copy_from_slice(&[1, 0, 1]);
        }
        let links = BTreeSet::from([0, 1]);
        let (mut lacp, _) = Lacp::resume(at(0), config(1, [0, 1], true), [replica.as_slice()], links);
        let mut now = at(0);
        for (system, state, back, port) in infos {
            let actor = Info { system, state, port: 1, ..Info::default() };
            let partner = Info { state: back, ..pdu().partner };
            lacp.step(now, Input::Pdu { port, pdu: Pdu::Lacp(Lacpdu { actor, partner }) });
            if let Some(due) = lacp.deadline() {
                now = now.max(due);
                lacp.step(now, Input::Tick);
                prop_assert!(lacp.deadline().is_none_or(|next| next > now), "a time that has passed");
            }
        }
    }
}
