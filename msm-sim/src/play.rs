//! A plan is played: its steps, then quiet, while the checkers look.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use msm_proto::{
    Answer, Outcome, Slot,
    backplane::{Bay, Fabric, Operate},
};

use crate::{
    MS, SEC, SLOTS,
    broken::Broken,
    chassis::Chassis,
    checks::{Law, Totals, Violation},
    index,
    plan::{Plan, Then},
    world::World,
};

/// Longer than anything may take.
const LONGEST: u64 = 10_500 * MS;
/// A slot that died often waits for 5 s, one whose start failed as well; then it boots.
const SETTLES: u64 = 20 * SEC;

/// What came of it.
pub(crate) struct Played {
    pub(crate) violations: Vec<Violation>,
    /// The same plan gives the same.
    pub(crate) digest: u64,
    pub(crate) totals: Totals,
    /// Of a verbose run.
    pub(crate) history: String,
}

thread_local! {
    /// Panics of this thread are findings, not failures of the program.
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Panics of machines are told by who finds them.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !PLAYING.get() {
                before(info);
            }
        }));
    });
}

pub(crate) fn play(plan: &Plan, broken: Broken, verbose: bool) -> Played {
    hush();
    let mut world = World::new(plan.seed, plan.setting.options);
    world.verbose = verbose;
    world.broken = broken;
    PLAYING.set(true);
    let end = panic::catch_unwind(AssertUnwindSafe(|| {
        act(&mut world, plan);
        quiet(&mut world, plan);
    }));
    PLAYING.set(false);
    if let Err(why) = end {
        let text = why
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a panic".to_owned());
        world.checks.found.fail(Law::NoPanic, text);
    }
    let history = if verbose { world.history() } else { String::new() };
    Played {
        violations: std::mem::take(&mut world.checks.found.0),
        digest: world.digest.value(),
        totals: world.checks.totals,
        history,
    }
}

/// Whether to go on: the first violation is the one that matters.
fn sound(world: &World) -> bool {
    world.checks.found.0.is_empty()
}

fn act(world: &mut World, plan: &Plan) {
    let setting = &plan.setting;
    world.frame_delay = setting.frame_delay;
    world.effect_delay = setting.effect_delay;
    world.faults.crashes = setting.crashes;
    world.tables.learn(5);
    match setting.alone {
        Some((first, gap)) => {
            world.start(first);
            world.run(gap);
            world.start(first.peer());
        }
        None => world.power_on(&setting.bays),
    }
    world.run(50 * MS);
    for step in &plan.steps {
        if !sound(world) {
            return;
        }
        world.act(&step.action);
        match step.then {
            Then::Events(mut events) => {
                let until = world.now + SEC;
                world.run_while(until, |world| {
                    let more = events > 0 && sound(world);
                    events = events.saturating_sub(1);
                    more
                });
            }
            Then::Time(length) => {
                let until = world.now + length;
                world.run_while(until, sound);
            }
        }
    }
}

/// Nothing more goes wrong, and operators mend what they can: one master and a ready slave come of it.
fn quiet(world: &mut World, plan: &Plan) {
    world.note(|| "--- quiet".into());
    world.faults.end();
    world.wired = true;
    world.wire();
    // What still comes of the last faults comes.
    world.run_while(world.all_go_on(), sound);
    world.run(600 * MS);
    mend(world);
    if !sound(world) {
        return;
    }
    if !world.try_settle(SETTLES) {
        return world.checks.found.fail(Law::Converges, format!("does not settle: {}", world.standing()));
    }
    let Some(master) = serves(world) else { return };

    // It is alive: a command is answered, and mastership can be given away.
    let id = plan.last_id.next_multiple_of(10) + 1_000_000;
    world.command(master, id);
    world.run(500 * MS);
    if !matches!(world.last_answer(id), Some(Answer::Outcome(Outcome::Done(_)))) {
        let text = format!("a command in quiet is answered {:?}", world.last_answer(id));
        world.checks.found.fail(Law::Converges, text);
    }
    world.tables.learn(3);
    let failover = 1 << 33 | id;
    world.run_failover(master, failover);
    let until = world.now + 2 * SEC;
    world.run_while(until, |world| world.last_answer(failover).is_none());
    if !matches!(world.last_answer(failover), Some(Answer::Outcome(Outcome::Done(_)))) {
        let text = format!("a failover in quiet is answered {:?}", world.last_answer(failover));
        world.checks.found.fail(Law::Converges, text);
    }
    if !world.try_settle(SETTLES) {
        let text = format!("the failover in quiet does not settle: {}", world.standing());
        return world.checks.found.fail(Law::Converges, text);
    }
    if serves(world) != Some(master.peer()) {
        world.checks.found.fail(Law::Converges, "the failover in quiet has gone nowhere");
    }
    if plan.setting.long {
        world.run(LONGEST);
        world.nobody_waits();
        if !world.is_settled() {
            let text = format!("quiet does not last: {}", world.standing());
            world.checks.found.fail(Law::Converges, text);
        }
    }
}

/// Operators do what is theirs to do: cards back in, a chassis without anybody started again, a failed slave rebooted.
fn mend(world: &mut World) {
    if world.chassis.as_ref().is_some_and(|chassis| !chassis.lives())
        && world.processes.iter().all(Option::is_none)
    {
        world.backplane_begins();
    }
    // Whoever is master starts it again within a second.
    let until = world.now + 3 * SEC;
    world.run_while(until, |world| world.chassis.as_ref().is_some_and(|chassis| !chassis.lives()));
    if world.chassis.as_ref().is_some_and(|chassis| !chassis.lives()) {
        return world.checks.found.fail(Law::Converges, "nobody starts the backplane again");
    }
    world.fill_bays();
    // A removal may still be under way: its card is put in again when it is out.
    world.run(400 * MS);
    world.fill_bays();
    // A subsystem that failed stays so until its slave reboots.
    world.try_settle(3 * SEC);
    if let Some(master) = world.master().filter(|_| !world.is_settled())
        && let Some(status) = world.status(master)
        && status.subsystems.iter().any(|row| row.state == msm_proto::State::Failed)
    {
        world.note(|| "--- the slave is rebooted: a subsystem of it has failed".into());
        if world.chassis.is_some() {
            world.operate(Operate::Reset { slot: master.peer(), hard: false });
        } else {
            world.kill(master.peer());
        }
        world.run(100 * MS);
    }
}

/// The master of a settled world, which is as its configuration wants it.
fn serves(world: &mut World) -> Option<Slot> {
    let master = world.master()?;
    let process = world.processes[index(master)].as_ref()?;
    world.checks.converged(process, &world.tables);
    Some(master)
}

impl World {
    fn fill_bays(&mut self) {
        let Some(chassis) = &self.chassis else { return };
        let is_empty = |bay: &Bay| self.tables.halves[bay.index()].state == Fabric::Absent;
        for bay in chassis.bays().iter().copied().filter(is_empty).collect::<Vec<_>>() {
            self.operate(Operate::Insert(bay));
        }
    }

    /// How it stands, in a line.
    fn standing(&self) -> String {
        let roles = SLOTS.map(|slot| self.role(slot));
        let meta = self.tree.meta;
        let chassis = self.chassis.as_ref().map(Chassis::lives);
        format!("roles {roles:?}, tree {:?}, {meta:?}, backplane lives: {chassis:?}", self.tree.name)
    }
}
