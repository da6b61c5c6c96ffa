//! kill -9 at random points of a script.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use netns_tests::bed::{Cli, Slot, Testbed};
use rustix::process::Signal;

use crate::common::{READY, assert_same, client, configuration, ready_bed, repeat};
use crate::script::Script;

/// A kill comes within this time after the script went on: some tens of commands.
const WINDOW_US: u64 = 20_000;
/// Commands after a kill, before both MSMs are waited for.
const AFTER: u32 = 30;

/// Numbers that look random; the same for a seed.
struct Dice(u64);

impl Dice {
    /// `MSM_SEED`, or another each time.
    fn new() -> Self {
        let given = std::env::var("MSM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("MSM_SEED={seed}");
        Self(seed | 1)
    }

    /// Below `limit` (xorshift64*, Vigna 2016).
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

#[derive(Clone, Copy, Debug)]
enum Victim {
    Master,
    Slave,
}

/// Runs the script, kills the victim at some moment of it, and runs on; both MSMs are ready again afterwards.
fn kill_in_mid_script(bed: &Testbed, cli: &mut Cli, script: &mut Script, dice: &mut Dice, victim: Victim) {
    let ready = bed.wait_ready(READY).expect("both MSMs");
    let slot = match victim {
        Victim::Master => ready.master,
        Victim::Slave => ready.slave,
    };
    let delay = Duration::from_micros(dice.below(WINDOW_US));
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(delay); // the random point
            bed.kill(slot, Signal::KILL).expect("killed");
            killed.store(true, Ordering::Release);
        });
        while !killed.load(Ordering::Acquire) {
            script.step(cli);
        }
    });
    for _ in 0..AFTER {
        script.step(cli);
    }
    let after = bed.wait_ready(READY).expect("both MSMs again");
    let (master, epoch) = match victim {
        Victim::Master => (ready.slave, ready.epoch + 1),
        Victim::Slave => (ready.master, ready.epoch),
    };
    assert_eq!((after.master, after.epoch), (master, epoch), "{victim:?} {slot} killed after {delay:?}");
    script.check(bed, &format!("{victim:?} {slot} killed after {delay:?}"));
}

fn series(prefix: &str, count: u32, victims: &[Victim]) {
    let (bed, _) = ready_bed(prefix);
    let mut cli = bed.cli().expect("a session");
    let (mut script, mut dice) = (Script::new(), Dice::new());
    for _ in 0..count {
        for &victim in victims {
            kill_in_mid_script(&bed, &mut cli, &mut script, &mut dice, victim);
        }
    }
    println!(
        "{count} points of {victims:?}: {} commands acknowledged, {} reported as not applied",
        script.acknowledged.len(),
        script.given_up
    );
    let deaths = victims.iter().filter(|victim| matches!(victim, Victim::Master)).count();
    assert_eq!(cli.events().len(), deaths * count as usize, "one session, told of each new master");
    // From nothing, the acknowledged commands make the same.
    let made = configuration(&bed);
    let lines = script.acknowledged.join("\n");
    client::script(&bed, &format!("unconfigure switch all\n{lines}\n")).good();
    assert_same(&configuration(&bed), &made, "the acknowledged commands, done again from nothing");
    let ready = bed.wait_ready(READY).expect("both MSMs");
    assert!(Slot::ALL.contains(&ready.master));
}

#[test]
fn kill_of_the_master_loses_no_acknowledged_command() {
    series("rk1-", repeat(8, 1000), &[Victim::Master]);
}

#[test]
fn kill_of_the_slave_loses_no_acknowledged_command() {
    series("rk2-", repeat(6, 1000), &[Victim::Slave]);
}

#[test]
fn kills_of_both_one_after_the_other_lose_no_acknowledged_command() {
    // Two points a round: the slave and then the master, and the master and then who took over.
    series("rk3-", repeat(3, 500), &[Victim::Slave, Victim::Master, Victim::Master, Victim::Master]);
}
