//! Anything in any order: what must hold whatever MSMs and operators say.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One thing that happens: which, where, who, how long after the one before.
type Happening = (u8, bool, u32, u64);

fn input((kind, b, pid, length): Happening, request: u64, numbers: u64) -> In {
    let slot = if b { B } else { A };
    let bay = Bay::ALL[(pid % 4) as usize];
    let number = numbers.saturating_sub(length % 3);
    match kind {
        0 => In::Running { slot, pid },
        1 => In::StartFailed { slot, text: "x".into() },
        2..=4 => In::Here { slot, pid },
        5 => In::Gone { slot, pid },
        6 | 7 => In::Died { slot, pid },
        8..=12 => In::Kick { slot, pid, timeout: ms(length * 7), master: pid % 2 == 0 },
        13 => In::Pong { slot, number },
        14 | 15 => In::Suspect { by: slot, keepalive: ms(length * 3) },
        16 => In::DiagnosticsFailed { slot, text: "x".into() },
        17 => In::DiagnosticsPassed { slot },
        18 | 19 => In::Noted { slot, number },
        20 => In::Operator { request, what: Operate::Remove(bay) },
        21 => In::Operator { request, what: Operate::Insert(bay) },
        22 => In::Operator { request, what: Operate::Reset { slot, hard: pid % 2 == 0 } },
        _ => In::Operator { request, what: Operate::ResetAll },
    }
}

proptest! {
    #[test]
    fn nobody_is_answered_twice_or_never_and_nothing_is_started_beside_a_process(
        happenings in proptest::collection::vec((0..24_u8, any::<bool>(), 1..6_u32, 0..1000_u64), 1..200),
    ) {
        let mut chassis = Chassis::off(&Bay::ALL);
        chassis.give(In::Tick);
        let (mut asked, mut answered) = (BTreeSet::new(), BTreeSet::new());
        let mut check = |chassis: &mut Chassis| {
            for output in chassis.take() {
                match output {
                    Out::Answer { request, .. } => assert!(answered.insert(request), "answered twice"),
                    Out::Start { slot } => {
                        let msm = &chassis.machine.msms[slot as usize];
                        assert!(msm.process.is_none() || !matches!(msm.start, state::Start::Asked(_)));
                        assert!(!msm.empty || matches!(msm.start, state::Start::None), "started in an empty bay");
                    }
                    Out::Ping { slot, .. } | Out::Notice { to: slot, .. } | Out::Fabrics { to: slot, .. } => {
                        // It was connected when it was told.
                        assert!(chassis.machine.msms[slot as usize].process.is_some());
                    }
                    _ => {}
                }
            }
        };
        for (at, happening) in happenings.into_iter().enumerate() {
            let request = at as u64;
            let input = input(happening, request, chassis.machine.numbers);
            if let In::Operator { .. } = input {
                asked.insert(request);
            }
            chassis.give(input);
            check(&mut chassis);
            chassis.wait(ms(happening.3));
            check(&mut chassis);
            let status = chassis.machine.status();
            prop_assert_eq!(status.len(), 4);
            prop_assert!(status.iter().all(|bay| bay.bay.msm().is_some() || bay.process.is_none()));
        }
        // No wish waits for ever, whatever does not die.
        chassis.wait(Duration::from_secs(5));
        check(&mut chassis);
        prop_assert_eq!(asked, answered);
    }
}
