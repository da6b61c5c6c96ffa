//! Where frames go missing: the drop counters of every veth end and of the switch.

use std::collections::BTreeMap;

/// Drop counters by place, `h1/eth0 rx_queue_0_drops`, `switch 1:1 hairpin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropSites {
    /// Counter by place.
    pub counters: BTreeMap<String, u64>,
}

impl DropSites {
    /// What moved since `before`, a line each: `h1/eth0 rx_queue_0_drops +3`.
    #[must_use]
    pub fn since(&self, before: &DropSites) -> Vec<String> {
        self.counters
            .iter()
            .filter_map(|(site, &now)| {
                let moved = now.saturating_sub(before.counters.get(site).copied().unwrap_or(0));
                (moved > 0).then(|| format!("{site} +{moved}"))
            })
            .collect()
    }
}
