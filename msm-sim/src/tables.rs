//! What forwards, with or without an owner: learned entries, the configuration that is in force, links, fabrics.

use std::collections::BTreeSet;

use msm_proto::{CommandId, Decision, backplane::Fabric};

/// The hardware of one MSM's half of the switching capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    pub(crate) present: bool,
    pub(crate) programmed: bool,
    /// What the backplane says of it.
    pub(crate) state: Fabric,
}

#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// Stations.
    pub(crate) l2: BTreeSet<u64>,
    /// Hosts and routes.
    pub(crate) l3: BTreeSet<u64>,
    /// Commands whose doing is in the tables.
    pub(crate) in_force: BTreeSet<CommandId>,
    /// How often a takeover took the links down.
    pub(crate) links_down: u64,
    pub(crate) halves: [Half; 4],
    /// Writes of owners.
    pub(crate) writes: u64,
    learned: u64,
}

impl Default for Tables {
    fn default() -> Self {
        let half = Half { present: true, programmed: true, state: Fabric::Present };
        Self {
            l2: BTreeSet::new(),
            l3: BTreeSet::new(),
            in_force: BTreeSet::new(),
            links_down: 0,
            halves: [half; 4],
            writes: 0,
            learned: 0,
        }
    }
}

impl Tables {
    /// The forwarding plane sees new stations, owner or not.
    pub(crate) fn learn(&mut self, stations: u64) {
        for _ in 0..stations {
            self.learned += 1;
            self.l2.insert(self.learned);
            if self.learned.is_multiple_of(3) {
                self.l3.insert(self.learned);
            }
        }
    }

    /// A new master carries its decision out.
    pub(crate) fn follow(&mut self, decision: &Decision) {
        if !decision.keep_links {
            self.links_down += 1;
        }
        if !decision.keep_l2 {
            self.l2.clear();
        }
        if !decision.keep_l3 {
            self.l3.clear();
        }
    }

    /// Tables become what `desired` says; what is right already is left alone (DESIGN.md law 4). `all`: a broken law.
    pub(crate) fn adopt(&mut self, desired: &[CommandId], all: bool) {
        let desired: BTreeSet<_> = desired.iter().copied().collect();
        self.writes += if all { desired.len() } else { self.differences(&desired) } as u64;
        self.in_force = desired;
    }

    /// How many entries are not as `desired`.
    pub(crate) fn differences(&self, desired: &BTreeSet<CommandId>) -> usize {
        self.in_force.symmetric_difference(desired).count()
    }

    pub(crate) fn apply(&mut self, id: CommandId) {
        self.writes += 1;
        self.in_force.insert(id);
    }

    /// The hardware's doing: a fabric comes, goes, or forgets.
    pub(crate) fn fabric(&mut self, at: usize, state: Fabric) {
        let half = &mut self.halves[at];
        half.state = state;
        match state {
            Fabric::Absent => (half.present, half.programmed) = (false, false),
            Fabric::Reset | Fabric::Failed => (half.present, half.programmed) = (true, false),
            Fabric::Present => half.present = true,
        }
    }

    /// The owner programs what it was told can be used.
    pub(crate) fn program(&mut self, told: [Fabric; 4]) -> u64 {
        let mut writes = 0;
        for (half, told) in self.halves.iter_mut().zip(told) {
            if told.is_usable() && half.present && !half.programmed {
                half.programmed = true;
                writes += 1;
            }
        }
        writes
    }
}
