//! Replicated before acknowledged: slow slaves, full pipes, foreign and hostile peers, recorded runs.

use super::scenario::*;
use crate::{
    MS, SEC, US,
    host::LARGE,
    index,
    world::{Intercept, World},
};
use msm_proto::{
    Answer, Channel, CommandId, Envelope, Identity, Input, Machine, Message, Options, Output, Phase, Reason,
    Slot, State, Subsystem, Time,
};

// ---- law 5 -----------------------------------------------------------------------------------------------------

#[test]
fn a_slave_that_does_not_acknowledge_is_demoted_after_200_ms_and_before_the_answer() {
    let mut world = World::pair(Options::hitless());
    world.pause(B, 400 * MS);
    world.command(A, 10);
    world.run(199 * MS);
    assert_eq!(world.last_answer(10), None);
    world.run(2 * MS);
    assert!(done(&world, 10));
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Initial, Reason::CommError));
    // META first, then the slave, then the client.
    let outputs = &world.processes[index(A)].as_ref().expect("it runs").outputs;
    let ready = outputs.iter().rposition(|o| matches!(o, Output::SetReady { slot: Some(_), .. }));
    let after = outputs.iter().skip(ready.expect("it was ready") + 1);
    let order: Vec<_> = after
        .filter_map(|output| match output {
            Output::SetReady { .. } => Some("META"),
            Output::Answer { .. } => Some("client"),
            Output::Send { bytes, .. } => {
                let message = Message::decode(&Envelope::decode(bytes).expect("ours")).expect("ours");
                matches!(message, Message::Demote { .. }).then_some("slave")
            }
            _ => None,
        })
        .collect();
    assert_eq!(order, ["META", "slave", "META", "client"]);
    // The slave comes to itself and asks again.
    world.settle();
    assert_eq!(config(&world, B), [10]);
    sound(&world);
}

#[test]
fn commands_are_pipelined_and_bounded() {
    let mut world = World::pair(Options::hitless());
    for id in 0..100 {
        world.command(A, 1000 + id * 10);
    }
    let refused =
        (0..100).filter(|id| matches!(world.last_answer(1000 + id * 10), Some(Answer::Refused(_)))).count();
    assert_eq!(refused, 36);
    world.settle();
    assert_eq!(config(&world, B), (0..64).map(|id| 1000 + id * 10).collect::<Vec<_>>());
    sound(&world);
}

#[test]
fn a_configuration_of_many_chunks_arrives_with_what_changed_meanwhile() {
    let mut world = World::new(1, Options::hitless());
    world.start(A);
    world.run(200 * MS);
    let many: Vec<_> = (0..200_000).map(|n| CommandId(n + 1_000_000)).collect();
    world.processes[index(A)].as_mut().expect("it runs").config = many;
    world.start(B);
    let until = world.now + SEC;
    world.run_while(until, |world| row(world, A, Subsystem::Configuration).0 != State::Xfr);
    for id in [10, 20, 30] {
        world.command(A, id);
    }
    world.settle();
    assert_eq!(config(&world, B).len(), 200_003);
    sound(&world);
}

// ---- records larger than a message ----------------------------------------------------------------------------------

const BIG: u64 = LARGE | 10;

/// When the first part of a record is on its way to B.
fn parts_are_under_way(world: &World) -> bool {
    world.link.as_ref().is_some_and(|link| link.queues[index(B)][Channel::Bulk as usize].len() > 1)
}

#[test]
fn a_large_record_travels_in_parts_and_is_one_command() {
    let mut world = World::pair(Options::hitless());
    world.faults.apply_hangs = true;
    for id in [20, BIG, 30] {
        world.command(A, id);
    }
    assert!(parts_are_under_way(&world));
    world.run(5 * MS);
    world.kill(A);
    world.faults.apply_hangs = false;
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    assert_eq!(config(&world, B), [20, BIG, 30]);
    sound(&world);
}

/// The old master died, or the link broke, after so many messages of a large record.
#[test]
fn a_record_of_which_a_part_is_missing_is_not_there_at_all() {
    for crash in [true, false] {
        for after in (0..100).step_by(5) {
            let mut world = World::pair(Options::hitless());
            world.command(A, 20);
            world.run(5 * MS);
            world.command(A, BIG);
            world.run(after * US);
            world.cut();
            if crash {
                world.kill(A);
            }
            world.settle();
            let master = world.master().expect("settled");
            let config = config(&world, master);
            assert!(config == [20, BIG] || crash && config == [20], "cut after {after} us: {config:?}");
            sound(&world);
        }
    }
}

#[test]
fn records_in_flight_are_bounded_in_bytes() {
    let mut world = World::pair(Options::hitless());
    world.faults.apply_hangs = true;
    let send = |world: &mut World, id: u64, length: usize| {
        let record = vec![0; length];
        world.input(A, Input::Command { id: CommandId(id), record, options: None });
    };
    send(&mut world, 1, msm_proto::RECORD_MAX + 1);
    assert!(matches!(world.last_answer(1), Some(Answer::Refused(why)) if why.contains("too long")));
    for id in 10..14 {
        send(&mut world, id, msm_proto::RECORD_MAX);
        assert_eq!(world.last_answer(id), None);
    }
    send(&mut world, 14, 1);
    assert!(matches!(world.last_answer(14), Some(Answer::Refused(why)) if why.contains("try again")));
    // The slave has all of it, in time.
    world.run(199 * MS);
    let meta = world.tree.meta.map(|meta| (meta.ready, meta.generation));
    assert_eq!(meta, Some((Some(B), 4)));
    sound(&world);
}

#[test]
fn parts_that_do_not_follow_from_each_other_fail_the_subsystem() {
    fn part(bytes: &[u8], change: fn(&mut u64, &mut u32)) -> Option<Vec<u8>> {
        let envelope = Envelope::decode(bytes).ok()?;
        let Ok(Message::Part { mut generation, mut index, bytes }) = Message::decode(&envelope) else {
            return None;
        };
        change(&mut generation, &mut index);
        Some(Message::Part { generation, index, bytes }.encode(envelope.epoch, envelope.sequence))
    }
    let changes: [Intercept; 2] =
        [|bytes| part(bytes, |_, index| *index += 1), |bytes| part(bytes, |generation, _| *generation += 1)];
    for change in changes {
        let mut world = World::pair(Options::hitless());
        world.intercept = Some(change);
        world.command(A, BIG);
        world.run(300 * MS);
        assert!(done(&world, BIG), "the master goes on");
        assert_eq!(row(&world, A, Subsystem::Configuration), (State::Failed, Reason::InvalidBracket));
        assert_eq!(world.tree.meta.and_then(|meta| meta.ready), None);
        sound(&world);
    }
}

// ---- hostile and foreign peers ---------------------------------------------------------------------------------

/// The link's session as `slot` numbers it.
fn session(world: &World, slot: Slot) -> u64 {
    world.processes[index(slot)].as_ref().expect("it runs").sessions.last().expect("linked").0
}

#[test]
fn garbage_on_the_link_closes_it_and_both_find_together_again() {
    for bytes in [vec![], vec![0xff; 100], vec![0; 200_000], Message::SyncRequest.encode(1, 999)] {
        let mut world = World::pair(Options::hitless());
        let session = session(&world, A);
        world.input(A, Input::Frame { session, channel: Channel::Bulk, bytes });
        assert!(said(&world, "link to MSM b closed"));
        world.settle();
        assert_eq!(kinds(&world), [(A, "cold")]);
        sound(&world);
    }
}

#[test]
fn a_message_that_the_slave_does_not_know_fails_its_subsystem_by_name_until_the_slave_reboots() {
    let mut world = World::pair(Options::hitless());
    // What a newer master could say: the next message on Bulk, subtype 77 of the configuration.
    world.intercept = Some(|bytes| {
        let envelope = Envelope::decode(bytes).ok()?;
        (envelope.subsystem == 2 && envelope.subtype == 4)
            .then(|| Envelope { subtype: 77, ..envelope }.encode())
    });
    world.command(A, 10);
    world.run(300 * MS);
    assert!(done(&world, 10));
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Failed, Reason::InvalidSubtype));
    assert_eq!(world.tree.meta.and_then(|meta| meta.ready), None);
    world.intercept = None;
    // A cut does not clear it, a reboot does.
    world.cut();
    world.run(SEC);
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Failed, Reason::InvalidSubtype));
    world.kill(B);
    world.settle();
    sound(&world);
}

#[test]
fn a_full_outbox_fails_the_configuration_and_never_stalls_the_master() {
    let mut world = World::pair(Options::hitless());
    let session = session(&world, A);
    world.input(A, Input::OutboxOverflow { session });
    world.run(SEC);
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Failed, Reason::BracketOverflow));
    world.command(A, 10);
    world.run(10 * MS);
    assert!(done(&world, 10));
}

#[test]
fn missing_keepalives_take_readiness_away_and_give_it_back() {
    let mut world = World::pair(Options::hitless());
    world.pause(B, 2_500 * MS);
    world.run(2_200 * MS);
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Initial, Reason::Keepalive));
    assert_eq!(world.tree.meta.and_then(|meta| meta.ready), None);
    assert_eq!(world.status(A).expect("it runs").keepalives.missed, 1);
    world.settle();
    sound(&world);
}

#[test]
fn two_msms_in_one_slot_do_not_talk() {
    let mut world = World::pair(Options::hitless());
    let Some(process) = &mut world.processes[index(B)] else { panic!("it runs") };
    // A forged hello is the first message of a session, so it needs a new one.
    let hello = Message::Hello {
        identity: Identity { slot: Slot::B, ..process.machine.status().identity },
        phase: Phase::Booting,
        oldest: 1,
        newest: 1,
    };
    let now = Time(world.now);
    process.machine.step(now, Input::PeerConnected { session: 1_000 });
    let frame = Input::Frame { session: 1_000, channel: Channel::Control, bytes: hello.encode(0, 1) };
    let outputs = process.machine.step(now, frame);
    assert!(outputs.contains(&Output::Disconnect { session: 1_000 }));
}

// ---- recording -------------------------------------------------------------------------------------------------

#[test]
fn a_run_is_recorded_as_text_and_replays_to_the_same_outputs() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(200 * MS);
    let process = world.processes[index(A)].as_ref().expect("it runs");
    let text = serde_json::to_string(&process.inputs).expect("inputs are serialisable");
    let outputs = serde_json::to_string(&process.outputs).expect("outputs are serialisable");
    let inputs: Vec<(Time, Input)> = serde_json::from_str(&text).expect("and readable");
    let mut machine = Machine::new(process.machine.status().identity);
    let again: Vec<Output> = inputs.into_iter().flat_map(|(now, input)| machine.step(now, input)).collect();
    assert_eq!(serde_json::to_string(&again).expect("serialisable"), outputs);
    serde_json::to_string(&machine.status()).expect("status is serialisable");
}
