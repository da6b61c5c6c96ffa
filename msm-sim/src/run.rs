//! Seeded runs: commands, crashes between any two events, cuts, stalls, failovers; then quiet, and the checkers.

use std::{
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use crate::{
    MS, SEC, US,
    host::{ENDS, LARGE, PANICS},
    index,
    world::{Broken, CommitFault, World},
};
use msm_proto::{Answer, CommandId, Input, Options, Outcome, RecoveryLevel, Refusal, Slot};

/// Longer than anything may take.
const QUIET: u64 = 10_500 * MS;

impl Totals {
    fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.hitless += other.hitless;
        self.replayed += other.replayed;
        self.killed += other.killed;
        self.given_up += other.given_up;
        self.synchronized += other.synchronized;
    }
}

#[derive(Default)]
struct Totals {
    acknowledged: u64,
    hitless: u64,
    replayed: u64,
    killed: u64,
    given_up: u64,
    synchronized: u64,
}

/// One run; its violations, empty when all is well.
fn simulate(seed: u64, broken: Broken, verbose: bool) -> (World, Vec<String>) {
    let mut world = World::new(seed, Options::hitless());
    world.verbose = verbose;
    world.broken = broken;
    world.options = match world.random.range(0, 10) {
        0 => Options::default(),
        1 => Options { recovery: RecoveryLevel::None, ..Options::hitless() },
        2 => Options { recovery: RecoveryLevel::Critical, ..Options::hitless() },
        3 => Options { link_action: msm_proto::LinkAction::TakeLinksDown, ..Options::hitless() },
        _ => Options::hitless(),
    };
    world.frame_delay = world.random.range(1, 5) * 20 * US;
    world.effect_delay = world.random.range(1, 40) * 50 * US;
    world.crashes = world.random.range(0, 4);
    let first = if world.random.chance(50) { Slot::A } else { Slot::B };
    world.start(first);
    let gap = world.random.range(0, 600) * MS;
    world.run(gap);
    world.start(first.peer());

    let mut next_id = 1;
    for _ in 0..world.random.range(10, 40) {
        act(&mut world, &mut next_id);
        // Some actions fall between two events, some between two quiet moments.
        if world.random.chance(50) {
            let mut steps = world.random.range(0, 40);
            let until = world.now + SEC;
            world.run_while(until, |_| {
                let more = steps > 0;
                steps = steps.saturating_sub(1);
                more
            });
        } else {
            let length = world.random.range(0, 400) * MS;
            world.run(length);
        }
    }
    let mut violations = quiet(&mut world, next_id);
    violations.append(&mut world.tree.violations);
    violations.append(&mut world.checks.violations);
    (world, violations)
}

fn act(world: &mut World, next_id: &mut u64) {
    let any = if world.random.chance(50) { Slot::A } else { Slot::B };
    let master = world.master().unwrap_or(any);
    if !world.wired && world.random.chance(50) {
        world.wired = true;
        world.wire();
    }
    match world.random.range(0, 100) {
        0..50 => {
            let to = if world.random.chance(95) { master } else { any };
            for _ in 0..world.random.range(1, 6) {
                let kind = match world.random.range(0, 50) {
                    0 => PANICS,
                    1..3 => ENDS,
                    3..5 => LARGE,
                    _ => 0,
                };
                world.command(to, kind | *next_id);
                *next_id += 1;
            }
        }
        50..57 => {
            // The client asks again, with the same id.
            let id = world.random.range(1, *next_id + 1).min(*next_id - 1).max(1);
            if *next_id > 1 {
                for kind in [0, LARGE, PANICS, ENDS] {
                    if world.answers.contains_key(&CommandId(kind | id)) || world.random.chance(30) {
                        world.command(master, kind | id);
                    }
                }
            }
        }
        57..65 => world.kill(master),
        65..67 => world.apply_kills = true,
        67..72 => world.kill(any),
        72..74 => {
            world.kill(Slot::A);
            world.kill(Slot::B);
        }
        74..80 => {
            let slot = if world.random.chance(90) { master } else { any };
            world.synchronize(slot, *next_id);
            *next_id += 1;
        }
        80..84 => world.run_failover(master, 1 << 32 | *next_id),
        84..90 => {
            // Some cuts last.
            world.wired = world.random.chance(60);
            world.cut();
        }
        90..93 => {
            world.commit_fault = Some(match world.random.range(0, 3) {
                0 => CommitFault::Before(Refusal::OwnerLives),
                1 => CommitFault::Before(Refusal::Failed("told to".into())),
                _ => CommitFault::AfterRename,
            });
        }
        93..97 => {
            let length = world.random.range(1, 600) * MS;
            world.pause(any, length);
        }
        _ => {
            let critical = world.random.chance(50);
            let input = Input::Exception { task: "task".into(), critical, text: "told to".into() };
            world.input(master, input);
        }
    }
}

/// Nothing more goes wrong: one master and a ready slave come of it, and what was acknowledged is there.
fn quiet(world: &mut World, id: u64) -> Vec<String> {
    let mut violations = Vec::new();
    world.commit_fault = None;
    world.apply_kills = false;
    world.crashes = 0;
    world.wired = true;
    world.wire();
    // The longest stall ends.
    world.run(600 * MS);
    if !world.try_settle() {
        return vec!["does not settle".into()];
    }
    let master = world.master().expect("settled");
    let process = world.processes[index(master)].as_ref().expect("it is there");
    world.checks.complete(&process.config, "at the end");
    world.checks.killers_are_reported(process);

    // It is alive: a command is answered, and mastership can be given away.
    let id = id.next_multiple_of(10);
    world.command(master, id);
    world.run(500 * MS);
    if !matches!(world.last_answer(id), Some(Answer::Outcome(Outcome::Done(_)))) {
        violations.push(format!("a command in quiet is answered {:?}", world.last_answer(id)));
    }
    world.run_failover(master, 1 << 33);
    let until = world.now + 2 * SEC;
    world.run_while(until, |world| world.last_answer(1 << 33).is_none());
    if !matches!(world.last_answer(1 << 33), Some(Answer::Outcome(Outcome::Done(_)))) {
        violations.push(format!("a failover in quiet is answered {:?}", world.last_answer(1 << 33)));
    }
    if !world.try_settle() || world.master() != Some(master.peer()) {
        violations.push("the failover in quiet does not settle".into());
    }
    // A quarter of the runs waits for the longest time limit.
    if id.is_multiple_of(40) {
        world.run(QUIET);
        world.checks.nobody_waits();
    }
    violations
}

/// What is wrong with `seed`; a panic of a machine is a violation like any other.
fn violations(seed: u64, broken: Broken, totals: &mut Totals) -> Option<Vec<String>> {
    match panic::catch_unwind(|| simulate(seed, broken, false)) {
        Ok((world, violations)) => {
            totals.acknowledged += world.checks.acknowledged_total;
            totals.hitless += world.checks.hitless;
            totals.replayed += world.checks.replayed;
            totals.killed += world.checks.killed;
            totals.given_up += world.checks.given_up;
            totals.synchronized += world.checks.synchronized;
            (!violations.is_empty()).then_some(violations)
        }
        Err(_) => Some(vec!["a machine panicked (above)".into()]),
    }
}

/// One seed with its history.
fn tell(seed: u64, broken: Broken) -> bool {
    let (world, violations) = simulate(seed, broken, true);
    println!("{}\nseed {seed}: {violations:#?}", world.history());
    violations.is_empty()
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// First seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// Workers.
    pub threads: usize,
    /// A law that the world breaks.
    pub broken: Broken,
}

/// Runs the seeds and prints what came of them; the first that breaks a law is printed with its history. True: none did.
#[must_use]
pub fn run(ask: &Ask) -> bool {
    let (from, seeds, broken) = (ask.from, ask.seeds, ask.broken);
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let work = || {
        let mut totals = Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return (totals, None);
            }
            if let Some(why) = violations(from + seed, broken, &mut totals) {
                next.store(seeds, Ordering::Relaxed);
                return (totals, Some((from + seed, why)));
            }
        }
    };
    let workers: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..ask.threads).map(|_| scope.spawn(work)).collect();
        let others = others.into_iter().map(|other| other.join().expect("the worker catches panics"));
        std::iter::once(work()).chain(others).collect()
    });
    let mut totals = Totals::default();
    let mut failed = None;
    for (part, why) in workers {
        totals.add(&part);
        failed = failed.or(why);
    }
    if let Some((seed, why)) = failed {
        // A panic of a machine shows itself here once more.
        tell(seed, broken);
        println!("seed {seed}: {why:#?}; `cargo xtask sim --seed {seed}` shows it again");
        return false;
    }
    println!(
        "{seeds} seeds in {:.1} s: {} commands acknowledged, {} hitless failovers, {} runs replayed; {} commands ended \
         a master, {} were given up; {} flashes synchronized",
        begun.elapsed().as_secs_f64(),
        totals.acknowledged,
        totals.hitless,
        totals.replayed,
        totals.killed,
        totals.given_up,
        totals.synchronized
    );
    // A run of some length that exercises nothing is no good run.
    let worth = totals.acknowledged > seeds && totals.hitless > seeds / 2;
    if seeds >= 100 && !worth && broken == Broken::Nothing {
        println!("these runs exercise too little");
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seed_breaks_a_law() {
        assert!(run(&Ask { from: 0, seeds: 200, threads: 2, broken: Broken::Nothing }));
    }

    /// The checkers are worth something: with a law broken in the world, they see it within 400 seeds.
    #[test]
    fn a_broken_law_is_seen() {
        for broken in [
            Broken::OwnerKeepsItsHandle,
            Broken::AcksWithoutStoring,
            Broken::MetaStaysReady,
            Broken::TriesUnmarked,
            Broken::CutsParts,
        ] {
            let mut totals = Totals::default();
            let seen = (0..400).find(|seed| violations(*seed, broken, &mut totals).is_some());
            println!("{broken:?} is seen with seed {seen:?}");
            assert!(seen.is_some(), "{broken:?} is not seen");
        }
    }
}
