//! `clear counters`: the kernel's counters go on; what they were then is subtracted from what is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use msm_abi::{CpuClass, CpuCounters, Lport, PortCounters};
use msm_config::model::{AccessLists, AccessRule};

/// Counters of each port, and of frames for the control plane, when they were last cleared here. Of this process: another MSM, and the next
/// boot, show all that was counted.
#[derive(Clone, Default)]
pub(crate) struct Baseline(Arc<Mutex<Then>>);

#[derive(Default)]
struct Then {
    ports: BTreeMap<Lport, PortCounters>,
    cpu: BTreeMap<CpuClass, CpuCounters>,
}

impl Baseline {
    fn then(&self) -> MutexGuard<'_, Then> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from now on.
    pub(super) fn set(&self, ports: BTreeMap<Lport, PortCounters>, cpu: BTreeMap<CpuClass, CpuCounters>) {
        *self.then() = Then { ports, cpu };
    }

    /// What has been counted of a class since.
    pub(super) fn cpu_since(&self, class: CpuClass, now: &CpuCounters) -> CpuCounters {
        let then = self.then().cpu.get(&class).copied().unwrap_or_default();
        let since = || {
            Some(CpuCounters {
                passed: now.passed.checked_sub(then.passed)?,
                limited: now.limited.checked_sub(then.limited)?,
                full: now.full.checked_sub(then.full)?,
            })
        };
        since().unwrap_or(*now)
    }

    /// What has been counted since. Counters below the baseline are of new tables: they count from 0.
    pub(super) fn since(&self, port: Lport, now: &PortCounters) -> PortCounters {
        match self.then().ports.get(&port) {
            Some(then) => subtract(now, then).unwrap_or(*now),
            None => *now,
        }
    }
}

/// The same of access rules: what each had decided when the hits were cleared here. A counter may have passed on to another rule.
#[derive(Clone, Default)]
pub(crate) struct HitsBaseline(Arc<Mutex<Hits>>);

/// By counter: whose it was, and what it had counted.
type Hits = BTreeMap<u16, (Arc<AccessRule>, u64)>;

impl HitsBaseline {
    fn rules(&self) -> MutexGuard<'_, Hits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from `now` on.
    pub(super) fn set(&self, rules: &AccessLists, now: &BTreeMap<u16, u64>) {
        let then = |rule: &Arc<AccessRule>| {
            now.get(&rule.counter).map(|hits| (rule.counter, (Arc::clone(rule), *hits)))
        };
        *self.rules() = rules.iter().filter_map(|(_, rule)| then(rule)).collect();
    }

    /// What the rule has decided since.
    pub(super) fn since(&self, rule: &AccessRule, now: u64) -> u64 {
        match self.rules().get(&rule.counter) {
            Some((then, hits)) if **then == *rule => now.checked_sub(*hits).unwrap_or(now),
            _ => now,
        }
    }
}

fn subtract(now: &PortCounters, then: &PortCounters) -> Option<PortCounters> {
    let mut drops = now.drops;
    for (drop, then) in drops.iter_mut().zip(then.drops) {
        *drop = drop.checked_sub(then)?;
    }
    Some(PortCounters {
        rx_frames: now.rx_frames.checked_sub(then.rx_frames)?,
        rx_bytes: now.rx_bytes.checked_sub(then.rx_bytes)?,
        tx_frames: now.tx_frames.checked_sub(then.tx_frames)?,
        tx_bytes: now.tx_bytes.checked_sub(then.tx_bytes)?,
        flooded: now.flooded.checked_sub(then.flooded)?,
        tx_flood_copies: now.tx_flood_copies.checked_sub(then.tx_flood_copies)?,
        learned: now.learned.checked_sub(then.learned)?,
        learn_full: now.learn_full.checked_sub(then.learn_full)?,
        to_cpu: now.to_cpu.checked_sub(then.to_cpu)?,
        routed: now.routed.checked_sub(then.routed)?,
        slow: now.slow.checked_sub(then.slow)?,
        drops,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleared_hits_are_those_of_the_same_rule() {
        use msm_config::model::{Config, Facts, script};
        let facts = Facts {
            ports: [0].into(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let made = |line: &str| {
            let changes = script(line).expect("a command");
            Config::factory(&Arc::new(facts.clone())).with(&changes).expect("lawful").access
        };
        let rules = made("create access-list a ip destination any source any deny");
        let others = made("create access-list a ip destination any source any permit");
        let baseline = HitsBaseline::default();
        baseline.set(&rules, &[(0, 7)].into());
        let since =
            |rules: &AccessLists, now| rules.iter().map(|(_, rule)| baseline.since(rule, now)).sum::<u64>();
        assert_eq!((since(&rules, 9), since(&rules, 3), since(&others, 9)), (2, 3, 9));
    }

    #[test]
    fn cleared_counters_count_from_then_and_those_of_new_tables_from_nothing() {
        let counters = |rx_frames, hairpin| {
            let mut counters = PortCounters { rx_frames, ..PortCounters::default() };
            counters.drops[1] = hairpin;
            counters
        };
        let baseline = Baseline::default();
        assert_eq!(baseline.since(0, &counters(7, 0)), counters(7, 0));
        let arp = |passed| CpuCounters { passed, ..CpuCounters::default() };
        baseline.set([(0, counters(7, 2))].into(), [(CpuClass::Arp, arp(5))].into());
        assert_eq!(baseline.cpu_since(CpuClass::Arp, &arp(7)), arp(2));
        assert_eq!(baseline.cpu_since(CpuClass::Arp, &arp(3)), arp(3), "new tables");
        assert_eq!(baseline.since(0, &counters(9, 5)), counters(2, 3));
        assert_eq!(baseline.since(1, &counters(9, 5)), counters(9, 5), "another port");
        assert_eq!(baseline.since(0, &counters(9, 1)), counters(9, 1), "new tables");
    }
}
