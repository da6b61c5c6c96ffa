//! Who takes over, and what a takeover keeps: ready means ready, and the table of causes is followed.

use std::collections::{BTreeMap, BTreeSet};

use msm_proto::{Cause, ConfigSource, Options, Slot, Takeover, Trigger, Verdict};

use super::{
    Found, Law, Totals,
    table::{Kept, kept},
};
use crate::{host::Process, tables::Tables, tree::Instance, truth::Truth};

/// An owner whose tree was taken.
#[derive(Clone, Debug)]
pub(crate) struct Fallen {
    pub(crate) slot: Slot,
    pub(crate) instance: Instance,
    pub(crate) truth: Truth,
    /// Options that may have been in force: those that it had, and those that it was being given.
    pub(crate) options: Vec<Options>,
    pub(crate) died: bool,
}

/// Owners that come and go while one MSM stands still.
const SLEPT_THROUGH: usize = 4;

/// A master begins to serve.
pub(crate) struct Serving<'a> {
    pub(crate) slot: Slot,
    pub(crate) process: &'a Process,
    /// In the other slot.
    pub(crate) peer: Option<&'a Process>,
    pub(crate) takeover: Takeover,
    pub(crate) before: &'a Tables,
    pub(crate) after: &'a Tables,
    /// Entries that are not as its configuration wants them.
    pub(crate) differences: u64,
    /// Options of its own flash.
    pub(crate) flash: Options,
    /// Whose tree it was, if that one lives.
    pub(crate) living: Option<Fallen>,
}

/// META called it ready when the owner died.
#[derive(Clone, Copy, Debug)]
struct Heir {
    slot: Slot,
    instance: Instance,
    since: u64,
}

#[derive(Default)]
pub(crate) struct Takeovers {
    /// The process that META calls ready: another one in its slot has nothing.
    pub(crate) ready: Option<Instance>,
    heir: Option<Heir>,
    /// Owners that died.
    fallen: BTreeMap<Instance, Fallen>,
    /// Who owned the tree, in order.
    owners: Vec<Instance>,
    /// Options that ever were in force.
    options: Vec<Options>,
    /// Who was made to believe that it is not ready.
    misled: BTreeSet<Instance>,
    /// Whom META called ready when it took the tree.
    committed_ready: BTreeSet<Instance>,
    /// What the last failover was recorded as.
    pub(crate) recorded: Option<Cause>,
}

impl Takeovers {
    /// An owner died. `peer`: a slave that META calls ready.
    pub(crate) fn owner_died(&mut self, now: u64, fallen: Fallen, peer: Option<(Slot, &Process)>) {
        let heir = peer.filter(|(_, peer)| self.ready == Some(peer.instance));
        self.heir = heir.map(|(slot, peer)| Heir { slot, instance: peer.instance, since: now });
        self.fallen.insert(fallen.instance, fallen);
    }

    /// `heir` is told that the process in `slot` is being reset: for who has not met it, that may be the owner that died there.
    pub(crate) fn noticed(&mut self, slot: Slot, trigger: Trigger, heir: Instance) {
        let last = self.owners.iter().rev().find(|who| self.fallen.get(who).is_some_and(|f| f.slot == slot));
        if let Some(fallen) = last.copied().and_then(|who| self.fallen.get_mut(&who)) {
            fallen.truth.notices.push((trigger, heir, false));
        }
    }

    /// Any process died.
    pub(crate) fn died(&mut self, who: Instance) {
        self.heir.take_if(|heir| heir.instance == who);
    }

    /// Options are in force.
    pub(crate) fn options(&mut self, options: Options) {
        if !self.options.contains(&options) {
            self.options.push(options);
        }
    }

    /// A process could not read META: it has to take itself for not ready.
    pub(crate) fn misled(&mut self, who: Instance) {
        self.misled.insert(who);
    }

    /// A process takes the tree.
    pub(crate) fn committed(&mut self, who: Instance) {
        if self.ready == Some(who) {
            self.committed_ready.insert(who);
        } else {
            self.committed_ready.remove(&who);
        }
    }

    /// A process owns the tree.
    pub(crate) fn owns(&mut self, who: Instance) {
        self.owners.push(who);
    }

    /// Who owned it last, other than `who`.
    pub(crate) fn before(&self, who: Instance) -> Option<Instance> {
        self.owners.iter().rev().copied().find(|owner| *owner != who)
    }

    pub(crate) fn serves(&mut self, found: &mut Found, totals: &mut Totals, serving: &Serving<'_>) {
        let Serving { slot, process, takeover, before, after, .. } = serving;
        let who = process.instance;
        let wrote = after.writes - before.writes;
        if wrote != serving.differences {
            let text = format!(
                "{slot} takes over with {wrote} writes, and {} entries were not as they should be",
                serving.differences
            );
            found.fail(Law::AdoptsDifferences, text);
        }
        if let Some(heir) = self.heir.take()
            && (heir.instance != who || !matches!(takeover, Takeover::Failover(_)))
            && !heir_stood_still(heir, serving)
            && !self.misled.contains(&heir.instance)
        {
            let text = format!("{slot} serves by {takeover:?}, but {} was ready and lives", heir.slot);
            found.fail(Law::ReadyMeansReady, text);
        }
        let fallen = self.before(who);
        let Takeover::Failover(decision) = takeover else {
            totals.takeovers[3] += 1;
            self.recorded = None;
            if before.l2.difference(&after.l2).next().is_some() {
                found.fail(Law::TableOfCauses, format!("{slot} adopts, and what was learned is gone"));
            }
            return;
        };
        self.recorded = Some(decision.cause);
        totals.causes[decision.cause as usize] += 1;
        totals.takeovers[match decision.verdict {
            Verdict::Hitless => 0,
            Verdict::Partial => 1,
            _ => 2,
        }] += 1;
        let fallen = serving.living.clone().or_else(|| self.fallen.get(&fallen?).cloned());
        let Some(mut fallen) = fallen else {
            return found.fail(Law::TableOfCauses, format!("{slot} fails over from nobody"));
        };
        let mut events = fallen.events(who);
        if !process.truth.stops.is_empty() {
            // Who slept may have slept through owners: it takes over from the one that it knew.
            let past = self.owners.iter().rev().filter(|owner| **owner != who).take(SLEPT_THROUGH);
            for past in past.filter_map(|owner| self.fallen.get(owner)) {
                events.extend(past.events(who));
                fallen.options.extend(&past.options);
            }
        }
        let true_ones: Vec<_> = events.iter().filter(|event| event.cause() == decision.cause).collect();
        if true_ones.is_empty() {
            let text = format!(
                "{slot} records {} as the cause; what happened is {events:?} ({:?})",
                decision.cause, fallen.truth
            );
            return found.fail(Law::TrueCause, text);
        }
        let ready = self.committed_ready.contains(&who);
        let mut readies = vec![ready];
        readies.extend(self.misled.contains(&who).then_some(!ready));
        // Who is cut off, or has just booted, has options of before, or those of its flash.
        let mut options = fallen.options.clone();
        if !ready {
            options.push(serving.flash);
            options.extend(&self.options);
        }
        let cases = true_ones.iter().flat_map(|event| readies.iter().map(move |ready| (**event, *ready)));
        let lawful: BTreeSet<_> = cases
            .flat_map(|(event, ready)| options.iter().map(move |options| kept(event, options, ready)))
            .map(|kept| kept.map(|k| (k.configuration, k.links, k.l2, k.l3)))
            .collect();
        // What was not there cannot be kept.
        let stays = |all: &BTreeSet<u64>, left: &BTreeSet<u64>, word: bool| {
            if all.is_empty() { word } else { all.is_subset(left) }
        };
        let observed = Kept {
            configuration: decision.configuration == ConfigSource::Inherited,
            links: before.links_down == after.links_down,
            l2: stays(&before.l2, &after.l2, decision.keep_l2),
            l3: stays(&before.l3, &after.l3, decision.keep_l3),
        };
        if lawful.contains(&Some((observed.configuration, observed.links, observed.l2, observed.l3))) {
            return;
        }
        let had_to_keep_all = ready && lawful.contains(&Some((true, true, true, true))) && lawful.len() == 1;
        let law =
            if had_to_keep_all && !observed.is_all() { Law::ReadyMeansReady } else { Law::TableOfCauses };
        let text = format!(
            "{slot} takes over for {} (ready: {ready}) and keeps {observed:?}; lawful (configuration, links, l2, l3): \
             {lawful:?}",
            decision.cause
        );
        found.fail(law, text);
    }
}

/// It had its reasons not to be there in time.
fn heir_stood_still(heir: Heir, serving: &Serving<'_>) -> bool {
    let mut processes = serving.peer.into_iter().chain([serving.process]);
    processes.any(|process| process.instance == heir.instance && process.truth.stood_still(heir.since))
}
