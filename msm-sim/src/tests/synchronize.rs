//! `synchronize`: a parcel to the slave's flash, beside everything else, and always with an end.

use super::scenario::*;
use crate::{
    MS, SEC, US,
    host::SYNC,
    index,
    world::{Intercept, World},
};
use msm_proto::{Answer, Channel, CommandId, Envelope, Input, Message, Options, Outcome, SNAPSHOT_MAX};

const ID: u64 = SYNC | 1;

fn failed(world: &World, id: u64, why: &str) -> bool {
    matches!(world.last_answer(id), Some(Answer::Outcome(Outcome::Failed(text))) if text.contains(why))
}

#[test]
fn the_slave_s_flash_becomes_the_master_s_whatever_the_options_are() {
    for options in [Options::hitless(), Options::default()] {
        let mut world = World::pair(options);
        world.synchronize(A, 1);
        // Commands go on between its pieces.
        world.command(A, 10);
        assert_eq!(world.last_answer(ID), None);
        world.run(20 * MS);
        assert!(done(&world, ID) && done(&world, 10), "{}", world.history());
        assert_eq!(world.flash, [None, Some(CommandId(ID))]);
        // A repeat is answered from memory.
        world.flash = [None; 2];
        world.synchronize(A, 1);
        assert!(done(&world, ID));
        world.run(20 * MS);
        assert_eq!(world.flash, [None; 2]);
        sound(&world);
    }
}

/// What a protocol says is with the slave, also if the master dies of the next thing it does.
#[test]
fn a_protocols_state_goes_to_the_slave() {
    let mut world = World::pair(Options::hitless());
    for number in 0..3 {
        world.input(A, Input::State { bytes: vec![number; 100] });
    }
    world.input(A, Input::State { bytes: vec![9; 65 * 1024] });
    world.input(B, Input::State { bytes: vec![8] });
    world.kill(A);
    world.run(20 * MS);
    let sent: Vec<u8> = world.states[1].iter().map(|bytes| bytes[0]).collect();
    assert_eq!(
        (sent, world.states[0].len()),
        (vec![0, 1, 2], 0),
        "in order; nothing too large, and none from a slave"
    );
}

#[test]
fn it_is_refused_at_once_where_it_cannot_end() {
    let mut world = World::new(1, Options::hitless());
    world.start(A);
    world.synchronize(A, 1);
    assert!(matches!(world.last_answer(ID), Some(Answer::Elsewhere(_))));
    world.run(200 * MS);
    world.synchronize(A, 1);
    assert!(matches!(world.last_answer(ID), Some(Answer::Refused(why)) if why.contains("<not available>")));
    world.start(B);
    world.settle();
    world.input(A, Input::Synchronize { id: CommandId(5), bytes: vec![0; SNAPSHOT_MAX + 1] });
    assert!(matches!(world.last_answer(5), Some(Answer::Refused(why)) if why.contains("too large")));
    world.synchronize(A, 1);
    world.synchronize(A, 2);
    assert!(matches!(world.last_answer(SYNC | 2), Some(Answer::Refused(why)) if why.contains("in progress")));
    world.run(20 * MS);
    assert!(done(&world, ID));
    sound(&world);
}

#[test]
fn what_the_slave_s_disk_says_is_the_answer() {
    let mut world = World::pair(Options::hitless());
    world.faults.flash_full = true;
    world.synchronize(A, 1);
    world.run(20 * MS);
    assert!(failed(&world, ID, "MSM b: no space left"));
    world.settle();
    sound(&world);
}

#[test]
fn a_slave_that_does_not_store_it_in_ten_seconds_fails_it_and_stays_ready() {
    let mut world = World::pair(Options::hitless());
    world.faults.flash_hangs = true;
    world.synchronize(A, 1);
    world.run(9_990 * MS);
    assert_eq!(world.last_answer(ID), None);
    world.run(20 * MS);
    assert!(failed(&world, ID, "MSM b did not store it within 10 s"));
    assert!(world.is_settled());
    // Its disk is still at it: the next parcel is not written beside it.
    world.synchronize(A, 2);
    world.run(20 * MS);
    assert!(failed(&world, SYNC | 2, "still being written"));
    sound(&world);
}

#[test]
fn it_fails_by_name_when_the_session_ends_and_survives_a_demotion() {
    let mut world = World::pair(Options::hitless());
    world.synchronize(A, 1);
    world.run(50 * US);
    world.cut();
    world.run(20 * MS);
    assert!(failed(&world, ID, "MSM b is gone"));
    world.settle();
    world.pause(B, 300 * MS);
    world.command(A, 10);
    world.synchronize(A, 2);
    world.run(250 * MS);
    assert!(said(&world, "did not acknowledge"));
    world.run(100 * MS);
    assert!(done(&world, SYNC | 2), "{}", world.history());
    world.settle();
    sound(&world);
}

#[test]
fn a_failover_sends_it_to_the_next_master() {
    let mut world = World::pair(Options::hitless());
    world.synchronize(A, 1);
    world.run_failover(A, 99);
    assert!(matches!(world.last_answer(ID), Some(Answer::Elsewhere(_))));
    world.settle();
    world.synchronize(B, 1);
    world.run(20 * MS);
    assert_eq!(world.flash[index(A)], Some(CommandId(ID)));
    sound(&world);
}

#[test]
fn pieces_that_do_not_follow_from_each_other_fail_it_and_nothing_else() {
    fn piece(bytes: &[u8], change: fn(&mut u32, &mut u32)) -> Option<Vec<u8>> {
        let envelope = Envelope::decode(bytes).ok()?;
        let Ok(Message::Parcel { id, mut index, mut count, bytes }) = Message::decode(&envelope) else {
            return None;
        };
        change(&mut index, &mut count);
        Some(Message::Parcel { id, index, count, bytes }.encode(envelope.epoch, envelope.sequence))
    }
    let changes: [Intercept; 4] = [
        |bytes| piece(bytes, |index, _| *index += u32::from(*index > 0)),
        |bytes| piece(bytes, |index, count| *count += *index),
        |bytes| piece(bytes, |_, count| *count = u32::MAX),
        |bytes| piece(bytes, |_, count| *count = 0),
    ];
    for change in changes {
        let mut world = World::pair(Options::hitless());
        world.intercept = Some(change);
        world.synchronize(A, 1);
        world.run(20 * MS);
        assert!(failed(&world, ID, "MSM b: "), "{:?}", world.last_answer(ID));
        assert_eq!(world.flash, [None; 2]);
        world.settle();
        sound(&world);
    }
}

/// Between any two pieces.
#[test]
fn a_crash_of_either_side_leaves_a_whole_flash_and_an_answer() {
    for victim in [A, B] {
        for after in (0..600).step_by(20) {
            let mut world = World::pair(Options::hitless());
            world.synchronize(A, 1);
            world.run(after * US);
            world.kill(victim);
            world.settle();
            world.run(11 * SEC);
            world.nobody_waits();
            sound(&world);
        }
    }
}

#[test]
fn its_pieces_leave_room_for_records() {
    let mut world = World::pair(Options::hitless());
    world.input(A, Input::Synchronize { id: CommandId(5), bytes: vec![0; SNAPSHOT_MAX] });
    let queue = |world: &World| {
        world.link.as_ref().map_or(0, |link| link.queues[index(B)][Channel::Bulk as usize].len())
    };
    assert_eq!(queue(&world), 4);
    let mut most = 0;
    for id in 1..20 {
        world.command(A, id * 10);
        world.run(MS);
        most = most.max(queue(&world));
        assert!(done(&world, id * 10), "a command waits behind a parcel");
    }
    assert!(most <= 8, "{most}");
}
