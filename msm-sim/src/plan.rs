//! What a seed is: the settings of a chassis, and what happens to it, one thing after the other.

use msm_proto::{Options, Slot, backplane::Bay};

use crate::{
    MS, US,
    action::{Action, Maker, any_options, hitless},
    random::Random,
};

/// When the next thing happens: some between two events, some between two quiet moments.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Events(u64),
    Time(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) then: Then,
}

/// How the chassis is before anything happens.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Of both flashes.
    pub(crate) options: Options,
    pub(crate) frame_delay: u64,
    pub(crate) effect_delay: u64,
    /// Crashes in a thousand outputs.
    pub(crate) crashes: u64,
    /// `None`: it has a backplane, which starts both. Else the first of two slots with power of their own, and when the second comes.
    pub(crate) alone: Option<(Slot, u64)>,
    pub(crate) bays: Vec<Bay>,
    /// The run ends with a wait for the longest time limit.
    pub(crate) long: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) setting: Setting,
    pub(crate) steps: Vec<Step>,
    /// A command id that no step has.
    pub(crate) last_id: u64,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        // Another stream than the world's delays.
        let mut random = Random(seed ^ 0x5eed_0000_0000_0000);
        let setting = Setting {
            options: if random.chance(60) { hitless(&mut random) } else { any_options(&mut random) },
            frame_delay: random.range(1, 5) * 20 * US,
            effect_delay: random.range(1, 40) * 50 * US,
            crashes: random.range(0, 6).saturating_sub(2),
            alone: random.chance(15).then(|| (random.pick(&[Slot::A, Slot::B]), random.range(0, 600) * MS)),
            bays: if random.chance(30) { Bay::ALL.to_vec() } else { vec![Bay::A, Bay::B] },
            long: random.chance(20),
        };
        let many = random.range(8, 40);
        let mut maker = Maker::new(Random(random.next()));
        let mut steps = Vec::new();
        let mut cut = false;
        for _ in 0..many {
            let then = |random: &mut Random| {
                if random.chance(50) {
                    Then::Events(random.range(0, 40))
                } else {
                    Then::Time(random.range(0, 400) * MS)
                }
            };
            if cut && random.chance(50) {
                cut = false;
                steps.push(Step { action: Action::Mend, then: Then::Events(0) });
            }
            let action = maker.make();
            cut |= matches!(action, Action::Cut { mends: false });
            steps.push(Step { action, then: then(&mut random) });
        }
        Self { seed, setting, steps, last_id: maker.last_id() }
    }
}
