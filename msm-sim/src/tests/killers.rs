//! Commands that end their master: tried once more by the next one, then given up and told (DESIGN.md law 5).

use super::scenario::*;
use crate::{
    MS, SEC,
    host::{ENDS, PANICS},
    index,
    world::World,
};
use msm_proto::{
    Answer, Cause, History, Identity, Input, Machine, MetaView, Options, Outcome, Output, Time, Trying,
};

fn failed(world: &World, id: u64, why: &str) -> bool {
    matches!(world.last_answer(id), Some(Answer::Outcome(Outcome::Failed(text))) if text.contains(why))
}

/// What META was told to be tried, in order.
fn marks(world: &World, slot: msm_proto::Slot) -> Vec<Option<u64>> {
    let outputs = &world.processes[index(slot)].as_ref().expect("it runs").outputs;
    let marks = outputs.iter().filter_map(|output| match output {
        Output::SetReady { trying, .. } => Some(trying.map(|trying| trying.generation)),
        _ => None,
    });
    marks.collect()
}

#[test]
fn a_command_that_panics_costs_one_failover_and_is_reported_not_applied() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.command(A, PANICS | 1);
    world.command(A, 20);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    // The client sends its command to the next master.
    world.command(B, PANICS | 1);
    world.run(5 * MS);
    assert!(failed(&world, PANICS | 1, "planned"), "{:?}", world.last_answer(PANICS | 1));
    assert_eq!(config(&world, B), [10, 20], "what came behind it is applied");
    sound(&world);
}

#[test]
fn a_redo_is_marked_while_it_is_applied_and_nothing_else_is() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(10 * MS);
    world.run_failover(A, 99);
    world.settle();
    assert!(marks(&world, B).iter().all(Option::is_none), "a failover without redo records marks nothing");
    world.faults.apply_hangs = true;
    world.command(B, 20);
    world.command(B, 30);
    world.run(5 * MS);
    world.kill(B);
    world.faults.apply_hangs = false;
    world.settle();
    let mut marks = marks(&world, A);
    marks.dedup();
    assert_eq!(marks, [None, Some(2), None, Some(3), None]);
    sound(&world);
}

#[test]
fn a_command_that_nothing_can_catch_costs_two_failovers_and_the_rest_goes_on() {
    let mut world = World::pair(Options::hitless());
    world.restart_delay = 0;
    // Slow enough for the old master to be ready again before its successor comes to the killer.
    world.effect_delay = 50 * MS;
    world.command(A, 10);
    world.command(A, ENDS | 1);
    world.command(A, 20);
    world.run(3 * SEC);
    world.settle();
    let taken: Vec<_> = kinds(&world).into_iter().skip(1).collect();
    assert!(taken.len() <= 2, "{taken:?}");
    let master = world.master().expect("settled");
    world.command(master, ENDS | 1);
    world.run(200 * MS);
    assert!(failed(&world, ENDS | 1, "tried it again"), "{:?}", world.last_answer(ENDS | 1));
    sound(&world);
}

/// Who was no slave yet has no redo record, but META names the command: the client that sends it again does not kill a third.
#[test]
fn a_killer_is_known_to_who_adopts_the_tree() {
    let mut world = World::pair(Options::hitless());
    world.restart_delay = 100 * MS;
    world.command(A, ENDS | 1);
    world.settle();
    assert_eq!(kinds(&world)[1].1, "hitless");
    assert_eq!(kinds(&world)[2].1, "adopted");
    let master = world.master().expect("settled");
    world.command(master, ENDS | 1);
    world.run(5 * MS);
    assert!(failed(&world, ENDS | 1, "tried it again"));
    assert_eq!(kinds(&world).len(), 3);
    sound(&world);
}

/// The last rule by itself: the slave has the record and META says that it was being tried.
#[test]
fn a_redo_record_that_meta_names_is_not_tried_by_a_hitless_successor() {
    let mut world = World::pair(Options::hitless());
    world.faults.apply_hangs = true;
    for id in [10, 20, 30] {
        world.command(A, id);
    }
    world.run(5 * MS);
    let meta = world.tree.meta.expect("there is a tree");
    let trying = Some(Trying { generation: 2, id: msm_proto::CommandId(20) });
    world.tree.meta = Some(MetaView { trying, ..meta });
    world.kill(A);
    world.faults.apply_hangs = false;
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    assert_eq!(config(&world, B), [10, 30]);
    world.command(B, 20);
    assert!(failed(&world, 20, "not applied"));
    assert!(said(&world, "record 2 is rolled back"));
    sound(&world);
}

#[test]
fn the_history_begins_with_what_the_flash_remembers() {
    let identity =
        Identity { slot: A, instance: 1, pid: 1, version: "0.1.0".into(), image: "primary".into() };
    let mut machine = Machine::new(identity);
    let history = History { failovers: 7, cause: Cause::Watchdog, last: None };
    machine.step(Time(1), Input::Boot { options: Options::hitless(), history, last_owner: None });
    assert_eq!(machine.status().history, history);
}
