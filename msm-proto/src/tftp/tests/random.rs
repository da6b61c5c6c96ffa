//! Anything, at any time, from anywhere: no panic, no growth, an end.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{file, read, write};
use crate::Time;
use crate::tftp::{Input, Output, Packet};

const LIMIT: usize = 5000;

/// Datagrams that get far: half lawful, often in order.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (0..6_u16, prop_oneof![Just(512), 0..1500_usize]).prop_map(|(block, length)| Packet::Data {
            block,
            bytes: &file(length)
        }
        .encode()),
        (0..6_u16).prop_map(|block| Packet::Ack { block }.encode()),
        (prop_oneof![Just("blksize"), Just("tsize"), Just("timeout"), Just("x")], 0..2000_u32)
            .prop_map(|(name, value)| Packet::OptionsAck { options: vec![(name.into(), value.to_string())] }
                .encode()),
        (0..9_u16).prop_map(|code| Packet::Error { code, text: "no".into() }.encode()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_run_ends(
        writes in any::<bool>(),
        events in prop::collection::vec((0..8000_u64, 4000..4002_u16, datagram()), 0..60),
    ) {
        let mut transfer = if writes { write(&file(LIMIT)) } else { read(LIMIT) };
        let start = Time(1 << 40);
        let mut now = start;
        let mut outputs = transfer.step(now, Input::Start);
        for (wait_ms, port, bytes) in events {
            // A host that looks at its clock late, too: the datagram may come long after the deadline.
            now = now + Duration::from_millis(wait_ms);
            outputs.extend(transfer.step(now, Input::Datagram { port, bytes }));
            prop_assert!(transfer.held() <= LIMIT);
        }
        while let Some(deadline) = transfer.deadline() {
            prop_assert!(deadline <= start + Duration::from_secs(120));
            now = now.max(deadline);
            outputs.extend(transfer.step(now, Input::Tick));
        }
        let ends = outputs.iter().filter(|output| matches!(output, Output::Done(_))).count();
        prop_assert_eq!(ends, 1);
        for output in &outputs {
            match output {
                Output::Send { bytes, .. } => prop_assert!(Packet::decode(bytes).is_ok()),
                Output::Done(Ok(bytes)) => prop_assert!(bytes.len() <= LIMIT),
                Output::Done(Err(error)) => prop_assert!(error.to_string().len() < 600),
            }
        }
        prop_assert!(transfer.step(now, Input::Tick).is_empty());
    }
}
