//! Packets and bytes.

use proptest::prelude::*;

use crate::tftp::{OptionPair, Packet};

fn text() -> impl Strategy<Value = String> {
    "[ -~äß]{1,40}"
}

fn options() -> impl Strategy<Value = Vec<OptionPair>> {
    prop::collection::vec(("[a-z0-9]{1,12}", text()), 0..8)
}

/// Owned DATA cannot be in a packet: the strategy makes the bytes, the test borrows them.
fn packet() -> impl Strategy<Value = (Packet<'static>, Option<(u16, Vec<u8>)>)> {
    prop_oneof![
        (text(), options()).prop_map(|(file, options)| (Packet::Read { file, options }, None)),
        (text(), options()).prop_map(|(file, options)| (Packet::Write { file, options }, None)),
        any::<u16>().prop_map(|block| (Packet::Ack { block }, None)),
        (any::<u16>(), "[ -~]{0,60}").prop_map(|(code, text)| (Packet::Error { code, text }, None)),
        options().prop_map(|options| (Packet::OptionsAck { options }, None)),
        (any::<u16>(), prop::collection::vec(any::<u8>(), 0..1500))
            .prop_map(|data| (Packet::Ack { block: 0 }, Some(data))),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded((packet, data) in packet()) {
        let packet = match &data {
            Some((block, bytes)) => Packet::Data { block: *block, bytes },
            None => packet,
        };
        let sent = packet.encode();
        prop_assert_eq!(Packet::decode(&sent), Ok(packet));
    }

    /// What is understood means the same when it is written again.
    #[test]
    fn what_is_decoded_is_encoded(opcode in 0..8_u16, rest in prop::collection::vec(prop_oneof![Just(0), any::<u8>(), 0x20..0x7f_u8], 0..100)) {
        let bytes = [&opcode.to_be_bytes()[..], &rest].concat();
        if let Ok(packet) = Packet::decode(&bytes) {
            let again = packet.encode();
            prop_assert_eq!(Packet::decode(&again), Ok(packet));
        }
    }
}
