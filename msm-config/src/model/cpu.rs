//! Control-plane protection: how many frames of a class a second may go to the control plane (`configure cpu-protection`).

use std::collections::BTreeMap;
use std::fmt;

use msm_abi::{CpuClass, LimitEntry};

use super::render::Text;

/// Largest rate of a class.
pub const CPU_RATE_MAX: u32 = 1_000_000;

/// Rates that differ from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuProtection {
    /// Frames a second.
    pub rates: BTreeMap<CpuClass, u32>,
}

/// A change of it: `configure cpu-protection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuChange {
    /// Of which frames.
    pub class: CpuClass,
    /// Frames a second; `None`: the default.
    pub rate: Option<u32>,
}

/// The default of a class, for the whole chassis: several times what its protocols send on 1,024 ports, and together less than a CPU of the
/// machine can take in.
#[must_use]
pub const fn default_rate(class: CpuClass) -> u32 {
    match class {
        // One a second and port at the fast rate, twice that while partners come up.
        CpuClass::Lacp => 4_000,
        // One a port every two seconds, and topology changes.
        CpuClass::Stp => 2_000,
        // One a domain and second, and rings that break at once.
        CpuClass::Eaps | CpuClass::Esrp => 2_000,
        // What a busy VLAN resolves; the stack answers some 100,000.
        CpuClass::Arp => 4_000,
        // A full table of BGP, and OSPF's floods after a restart.
        CpuClass::Routing => 20_000,
        // Sessions with the switch, ping.
        CpuClass::Local => 20_000,
        // Each costs a neighbour entry and a queue in the stack.
        CpuClass::Resolve => 2_000,
        // ICMP errors; the stack has a limit of its own behind this one.
        CpuClass::Exception => 2_000,
        // Broadcast and multicast that the stack wants few of.
        CpuClass::Flood => 4_000,
        // One is enough for a host that heeds it; to one that does not, the stack soon sends no more.
        CpuClass::Redirect => 10,
    }
}

impl CpuProtection {
    /// Frames a second that a class may have.
    #[must_use]
    pub fn rate(&self, class: CpuClass) -> u32 {
        self.rates.get(&class).copied().unwrap_or(default_rate(class))
    }

    /// What the tables are to say of a class: bursts are a tenth of a second's. Of [`CpuClass::Redirect`] that is all: what goes by the stack
    /// may come behind frames of its flow that do not.
    #[must_use]
    pub fn limit(&self, class: CpuClass) -> LimitEntry {
        let rate = self.rate(class);
        LimitEntry::of(rate, if class == CpuClass::Redirect { (rate / 10).max(1) } else { burst(rate) })
    }

    pub(super) fn apply(&mut self, change: CpuChange) {
        match change.rate.filter(|rate| *rate != default_rate(change.class)) {
            Some(rate) => drop(self.rates.insert(change.class, rate)),
            None => drop(self.rates.remove(&change.class)),
        }
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("CPU Protection Configuration");
        for (class, rate) in &self.rates {
            out.line(&CpuChange { class: *class, rate: Some(*rate) });
        }
    }
}

/// Frames of a burst at a rate: what comes in a tenth of a second, and never fewer than a driver takes in at once.
#[must_use]
pub const fn burst(rate: u32) -> u32 {
    let tenth = rate / 10;
    if tenth < 64 { 64 } else { tenth }
}

/// The word of a class.
#[must_use]
pub fn class_word(class: CpuClass) -> &'static str {
    CpuClass::ALL.iter().find(|(of, _)| *of == class).map_or("", |(_, word)| word)
}

impl fmt::Display for CpuChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configure cpu-protection {} ", class_word(self.class))?;
        match self.rate {
            Some(rate) => write!(f, "rate {rate}"),
            None => f.write_str("default"),
        }
    }
}
