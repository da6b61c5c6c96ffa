//! Fabrics: what the backplane says of them, as the owner programs it. Pure.

use msm_abi::{FABRIC_BUCKETS_PER_SLOT, FABRICS, FabricState, SLOTS};
use msm_proto::backplane::{Bay, Fabric};

/// The fabrics of a chassis as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fabrics {
    /// By bay.
    states: [FabricState; FABRICS],
    /// Bays that the chassis has.
    bays: usize,
}

impl Fabrics {
    /// As the backplane says. One that lost its programming is to get it back.
    pub(crate) fn told(bays: &[Bay], all: [Fabric; FABRICS]) -> Self {
        let state = |fabric: Fabric| FabricState {
            present: (fabric != Fabric::Absent).into(),
            programmed: fabric.is_usable().into(),
        };
        let has = |bay: Bay| bays.contains(&bay);
        let states =
            Bay::ALL.map(|bay| if has(bay) { state(all[bay.index()]) } else { FabricState::default() });
        Self { states, bays: bays.len() }
    }

    /// As the table has them, of which the backplane has said nothing yet. A table that nobody has written is a new one: all are there.
    pub(crate) fn found(bays: &[Bay], states: [FabricState; FABRICS]) -> Self {
        if states == [FabricState::default(); FABRICS] {
            return Self::told(bays, [Fabric::Present; FABRICS]);
        }
        Self { states, bays: bays.len() }
    }

    /// For FABRICS.
    pub(crate) fn states(&self) -> [FabricState; FABRICS] {
        self.states
    }

    /// The fabric of every bucket. Each of the chassis' bays has its share; those of a fabric that does not work are spread over those that
    /// do, and no other bucket moves.
    pub(crate) fn buckets(&self) -> Vec<u8> {
        let works = |at: &usize| self.states[*at].present != 0 && self.states[*at].programmed != 0;
        let working: Vec<usize> = (0..self.bays).filter(works).collect();
        let fabric = |bucket: usize| {
            let home = bucket % self.bays;
            match working.len() {
                0 => home,
                _ if works(&home) => home,
                others => working[bucket / self.bays % others],
            }
        };
        let per_slot = FABRIC_BUCKETS_PER_SLOT as usize;
        (0..SLOTS).flat_map(|_| (0..per_slot).map(fabric)).map(|fabric| fabric as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Bay] = &[Bay::A, Bay::B];

    fn shares(fabrics: &Fabrics) -> [usize; FABRICS] {
        let mut shares = [0; FABRICS];
        fabrics.buckets().iter().for_each(|fabric| shares[usize::from(*fabric)] += 1);
        shares
    }

    #[test]
    fn each_fabric_has_its_share() {
        let fabrics = Fabrics::found(TWO, [FabricState::default(); FABRICS]);
        assert_eq!(shares(&fabrics), [512, 512, 0, 0]);
        let fabrics = Fabrics::told(&Bay::ALL, [Fabric::Present; FABRICS]);
        assert_eq!(shares(&fabrics), [256; 4]);
    }

    #[test]
    fn the_buckets_of_a_lost_fabric_alone_move() {
        let whole = Fabrics::told(&Bay::ALL, [Fabric::Present; FABRICS]).buckets();
        for (state, programmed, present) in [(Fabric::Absent, 0, 0), (Fabric::Failed, 0, 1)] {
            let less = Fabrics::told(&Bay::ALL, [Fabric::Present, state, Fabric::Present, Fabric::Present]);
            assert_eq!(less.states()[1], FabricState { present, programmed });
            assert_eq!(shares(&less).map(|share| share.min(1)), [1, 0, 1, 1]);
            let moved = whole.iter().zip(less.buckets()).filter(|(was, is)| **was != *is);
            assert!(moved.clone().all(|(was, _)| *was == 1));
            assert_eq!(moved.count(), 256);
            let most = shares(&less).into_iter().max().expect("four");
            assert!(most <= 256 + 256 / 3 + SLOTS, "spread over those that are left: {most}");
        }
        let alone = Fabrics::told(TWO, [Fabric::Absent, Fabric::Present, Fabric::Present, Fabric::Present]);
        assert_eq!(shares(&alone), [0, 1024, 0, 0]);
        assert_eq!(alone.states()[2], FabricState::default(), "a bay that this chassis does not have");
    }

    #[test]
    fn one_that_lost_its_programming_gets_it_back() {
        let reset = Fabrics::told(TWO, [Fabric::Reset, Fabric::Present, Fabric::Absent, Fabric::Absent]);
        assert_eq!(reset, Fabrics::told(TWO, [Fabric::Present; FABRICS]));
    }

    #[test]
    fn without_a_word_the_table_holds() {
        let mut states = [FabricState { present: 1, programmed: 1 }; FABRICS];
        states[0].programmed = 0;
        assert_eq!(shares(&Fabrics::found(TWO, states)), [0, 1024, 0, 0]);
        let none = Fabrics::told(TWO, [Fabric::Absent; FABRICS]);
        assert_eq!(shares(&none), [512, 512, 0, 0], "nothing to choose from");
    }
}
