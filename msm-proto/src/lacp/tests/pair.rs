//! Two systems over links that lose, in virtual time; one of them changes hands.

use super::*;

const MILLISECOND: u64 = 1_000_000;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// The switch, with what its slave holds; its partner; frames on their way.
struct World {
    now: u64,
    switch: Lacp,
    partner: Lacp,
    held: BTreeMap<u16, Vec<u8>>,
    wires: Vec<(u64, bool, Port, Vec<u8>)>,
    /// In 1,000.
    loss: u64,
    random: Random,
    /// Changes of what the switch distributes by.
    changes: u64,
}

const PORTS: [Port; 3] = [0, 1, 64];

impl World {
    fn new(short: bool, loss: u64, seed: u64) -> Self {
        let mut world = Self {
            now: 0,
            switch: Lacp::default(),
            partner: Lacp::default(),
            held: BTreeMap::new(),
            wires: Vec::new(),
            loss,
            random: Random(seed),
            changes: 0,
        };
        for (to_switch, system) in [(true, 1), (false, 2)] {
            for input in [Input::Config(config(system, PORTS, short)), Input::Links(PORTS.into())] {
                world.give(to_switch, input);
            }
        }
        world
    }

    fn give(&mut self, to_switch: bool, input: Input) {
        let engine = if to_switch { &mut self.switch } else { &mut self.partner };
        let outputs = engine.step(Time(self.now), input);
        self.carry_out(to_switch, outputs);
    }

    fn carry_out(&mut self, of_switch: bool, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Replicate(bytes) if of_switch => {
                    self.held.insert(Lacp::replica_key(&bytes).expect("a key"), bytes);
                }
                Output::Replicate(_) | Output::Collect(_) => {}
                Output::Distribute(_) => self.changes += u64::from(of_switch),
                Output::Send { port, frame } => {
                    if self.random.below(1000) >= self.loss {
                        // A wire keeps its order.
                        self.wires.push((self.now + MILLISECOND / 2, !of_switch, port, frame));
                    }
                }
            }
        }
    }

    /// Runs for so many milliseconds; `each` looks at the partner after every event. The switch sleeps till `wakes`.
    fn run(&mut self, milliseconds: u64, wakes: u64, mut each: impl FnMut(&Lacp)) {
        let end = self.now + milliseconds * MILLISECOND;
        loop {
            let awake = |engine: &Lacp, from: u64| engine.deadline().map(|due| due.0.max(from));
            let due =
                [awake(&self.switch, wakes), awake(&self.partner, 0), self.wires.iter().map(|w| w.0).min()];
            let Some(next) = due.into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if let Some(i) = self.wires.iter().position(|wire| wire.0 <= self.now) {
                let (_, to_switch, port, frame) = self.wires.remove(i);
                // Who is dead hears nothing.
                if !to_switch || self.now >= wakes {
                    self.give(
                        to_switch,
                        Input::Pdu { port, pdu: Pdu::decode(&frame).expect("a frame of ours") },
                    );
                }
            } else {
                if self.now >= wakes {
                    self.give(true, Input::Tick);
                }
                self.give(false, Input::Tick);
            }
            each(&self.partner);
        }
        self.now = end;
    }

    /// The master is gone: the slave goes on with what it holds.
    fn take_over(&mut self, short: bool) {
        let replicas: Vec<_> = self.held.values().map(Vec::as_slice).collect();
        let config = config(1, PORTS, short);
        let (switch, outputs) = Lacp::resume(Time(self.now), config, replicas, PORTS.into());
        let used = outputs.iter().find(|output| matches!(output, Output::Distribute(_)));
        assert_eq!(
            used,
            Some(&Output::Distribute(self.switch.distributing().clone())),
            "nothing to be written"
        );
        let taken = outputs.iter().find(|output| matches!(output, Output::Collect(_)));
        assert_eq!(taken, Some(&Output::Collect(self.switch.collecting().clone())), "nothing to be written");
        self.switch = switch;
        self.carry_out(true, outputs);
    }
}

/// What a partner must not see change.
fn seen(partner: &Lacp) -> Vec<(u8, u8)> {
    partner.status().values().map(|port| (port.partner.state, port.actor.state)).collect()
}

#[test]
fn they_agree_and_stay_so_whoever_is_master() {
    for short in [true, false] {
        for seed in 1..20 {
            let mut world = World::new(short, 0, seed);
            world.run(5000, 0, |_| {});
            assert_eq!(world.switch.distributing(), &BTreeSet::from(PORTS), "up in 5 s");
            let before = seen(&world.partner);
            assert!(before.iter().all(|(theirs, ours)| theirs & ours & bits::DISTRIBUTING != 0));
            for round in 0..20 {
                let rest = world.random.below(3000);
                world.run(rest, 0, |partner| assert_eq!(seen(partner), before));
                // Dead for up to half a second, at any moment.
                let wakes = world.now + (1 + world.random.below(500)) * MILLISECOND;
                world.run((wakes - world.now) / MILLISECOND, wakes + 1, |partner| {
                    assert_eq!(seen(partner), before);
                });
                world.now = wakes;
                world.take_over(short);
                world.run(100, 0, |partner| assert_eq!(seen(partner), before, "seed {seed} round {round}"));
            }
        }
    }
}

/// With one frame of seven lost, three in a row hit seldom; who comes back finds all as it was.
#[test]
fn loss_is_survived_and_forgotten() {
    for seed in 1..20 {
        let mut world = World::new(true, 150, seed);
        world.run(60_000, 0, |_| {});
        let keys: Vec<u16> = world.held.keys().copied().collect();
        assert_eq!(keys, [1]);
        world.take_over(true);
        world.loss = 0;
        world.run(10_000, 0, |_| {});
        assert_eq!(world.switch.distributing(), &BTreeSet::from(PORTS), "seed {seed}");
        assert_eq!(world.partner.distributing(), &BTreeSet::from(PORTS), "seed {seed}");
        let changes = world.changes;
        world.run(60_000, 0, |_| {});
        assert_eq!(world.changes, changes, "nothing more changes");
    }
}

/// At a handover in the middle of coming up, the next one goes on.
#[test]
fn a_handover_while_they_come_up() {
    for millisecond in (0..5000).step_by(97) {
        let mut world = World::new(true, 0, 7);
        world.run(millisecond, 0, |_| {});
        world.take_over(true);
        world.run(6000, 0, |_| {});
        assert_eq!(world.partner.distributing(), &BTreeSet::from(PORTS), "{millisecond}");
    }
}

/// A replica that is asked for whole is what the last one was.
#[test]
fn all_replicas_are_the_last_of_each() {
    let mut world = World::new(true, 0, 3);
    world.run(10_000, 0, |_| {});
    let all: Vec<Vec<u8>> = world.switch.replicas().collect();
    assert_eq!(all, world.held.into_values().collect::<Vec<_>>());
}
