//! The report's part on causes: what each must do, what it did.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::schema::{Stream, Timeline};

/// How much a cause may lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is lost, duplicated or reordered, no carrier changes.
    #[default]
    Hitless,
    /// Frames of flows on the lost fabric only, until their buckets are programmed anew.
    Partial,
    /// Frames may be lost until everything is back, which has a bound.
    NotHitless,
}

/// Whose configuration is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The old master's, with what was not saved.
    #[default]
    Inherited,
    /// That of the new master's own flash.
    Flash,
}

/// What the table of causes says of one under some options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// How much may be lost.
    pub class: Class,
    /// Mastership moves, stays, or goes to whoever comes first (null).
    pub moves: Option<bool>,
    /// The cause that `show msm-failover` must have afterwards; null: the one that it had, or whatever the first to come says.
    pub recorded: Option<String>,
    /// Whose configuration.
    pub configuration: Source,
    /// Every port loses its carrier, for a second or longer.
    pub links_down: bool,
    /// Learned stations stay.
    pub fdb_kept: bool,
    /// Longest time from the event to the commit, if mastership moves; ms.
    pub commit_within_ms: f64,
    /// Longest time from the event to frames everywhere; ms.
    pub back_within_ms: f64,
    /// There is a ready slave again afterwards.
    pub heals: bool,
}

/// One cause under one set of options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CauseRow {
    /// For example `watchdog: process stopped`.
    pub cause: String,
    /// What is done: `SIGSTOP`.
    pub trigger: String,
    /// `factory`, `hitless`, or link action and slave configuration.
    pub configuration: String,
    /// The recovery level.
    pub recovery: String,
    /// What must happen.
    pub expected: Expected,
    /// What happened, each time.
    pub trials: Vec<CauseTrial>,
    /// Why it could not be tried, in the switch's words.
    pub not_available: Option<String>,
}

/// Flows between modules, by what became of their fabric; and flows inside modules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FabricLoss {
    /// `a` or `b`: the fabric that was lost, with the flows that lost frames; `others` between modules; `none`: flows inside modules.
    pub fabric: String,
    /// Flows.
    pub flows: u64,
    /// Flows that lost frames.
    pub flows_hit: u64,
    /// Frames lost.
    pub lost: u64,
    /// Longest time without a frame of one flow around what it lost; ms.
    pub longest_ms: f64,
}

/// One flow's time without frames, around what it lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Stream.
    pub stream: String,
    /// Number of the flow within it.
    pub flow: u16,
    /// Frames lost.
    pub lost: u64,
    /// Last arrival before, ms from the event.
    pub begin_ms: f64,
    /// First arrival after, ms from the event.
    pub end_ms: f64,
}

/// What was seen of the switch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Epochs from before to after.
    pub epochs: u64,
    /// The slot that was slave is master.
    pub moved: bool,
    /// The cause that `show msm-failover` had before.
    pub recorded_before: String,
    /// The one that it has after.
    pub recorded: String,
    /// A setting made before, and not saved, is in force after.
    pub setting_kept: bool,
    /// Stations of streams' far ends that were in the FDB before.
    pub stations_before: u64,
    /// Those of them that are in it after.
    pub stations_after: u64,
    /// Carrier changes of all ports' both ends.
    pub carrier_changes: u64,
    /// Ports.
    pub ports: u64,
    /// Frames that the switch dropped for the lack of a fabric, by its counters.
    pub fabric_drops: u64,
    /// Event to the slave knowing, as the product stamps it; ms. Null, as those below, if it did not come to it.
    pub detect_ms: Option<f64>,
    /// Event to the rename of the pin directory; ms.
    pub commit_ms: Option<f64>,
    /// Event to the first change answered by the new master and in force; ms.
    pub serving_ms: Option<f64>,
    /// Event to a slave that is ready; ms.
    pub ready_ms: Option<f64>,
    /// The new master blackholed one flow and released it; null where it is not asked for.
    pub ruled: Option<bool>,
    /// The old process is gone, or is slave without a writable map; null if mastership did not move.
    pub old_powerless: Option<bool>,
    /// Every stream has frames again.
    pub flows_back: bool,
    /// Longest time that a sender was kept from its CPU from the event on; ms.
    pub stall_ms: f64,
}

/// One event and what it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CauseTrial {
    /// Number within the row, from 1; void ones have theirs.
    pub trial: u32,
    /// The slot that was master: `a` or `b`.
    pub master: String,
    /// Numbered frames, one entry a direction.
    pub streams: Vec<Stream>,
    /// Flows that lost frames.
    pub outages: Vec<Outage>,
    /// Loss by fabric.
    pub fabrics: Vec<FabricLoss>,
    /// The switch.
    pub seen: Seen,
    /// Where lost frames went, as far as counters tell.
    pub where_lost: Vec<String>,
    /// Throughput over time.
    pub timeline: Timeline,
    /// Bars that were missed, one line each: slow is not wrong.
    pub misses: Vec<String>,
    /// Why the trial is red, one line each.
    pub faults: Vec<String>,
    /// Why it says nothing about the switch; it was made again.
    pub void: Vec<String>,
}

impl CauseTrial {
    /// Frames lost in all streams.
    pub fn lost(&self) -> u64 {
        self.streams.iter().map(|stream| stream.lost).sum()
    }

    /// Longest reset time of a stream by loss, as RFC 6201 has it; ms.
    pub fn reset_ms_loss(&self) -> f64 {
        self.streams.iter().map(|stream| stream.reset_ms_loss).fold(0.0, f64::max)
    }

    /// The same by time stamps.
    pub fn reset_ms_timestamp(&self) -> f64 {
        self.streams.iter().map(|stream| stream.reset_ms_timestamp).fold(0.0, f64::max)
    }
}

impl CauseRow {
    /// Trials that count.
    pub fn counted(&self) -> impl Iterator<Item = &CauseTrial> {
        self.trials.iter().filter(|trial| trial.void.is_empty())
    }

    /// Those of them that were measured to their end.
    pub fn measured(&self) -> impl Iterator<Item = &CauseTrial> {
        self.counted().filter(|trial| !trial.streams.is_empty())
    }

    /// Why the row is red, one line each.
    pub fn reasons(&self) -> Vec<String> {
        if let Some(why) = &self.not_available {
            return vec![format!("not available: {why}")];
        }
        let mut reasons: Vec<String> = self
            .trials
            .iter()
            .flat_map(|trial| trial.faults.iter().map(|fault| format!("trial {}: {fault}", trial.trial)))
            .collect();
        if self.counted().next().is_none() {
            reasons.push("no trial counts".to_owned());
        }
        reasons
    }

    /// Row and configuration in one line.
    pub fn title(&self) -> String {
        format!("{} ({}, recovery {})", self.cause, self.configuration, self.recovery)
    }
}

/// Flows that lost frames with one fabric and with the other: a flow is on one of them, whatever takes it away. A line each, if there are any.
pub fn on_both_fabrics(rows: &[CauseRow]) -> Vec<String> {
    let hit_by = |fabric: &str| -> BTreeSet<(&str, u16)> {
        let partial = rows.iter().filter(|row| row.expected.class == Class::Partial);
        let trials = partial.flat_map(CauseRow::measured).filter(|trial| {
            // A flow that lost is on the first: see `FabricLoss::fabric`.
            trial.faults.is_empty() && trial.fabrics.first().is_some_and(|first| first.fabric == fabric)
        });
        trials.flat_map(|trial| &trial.outages).map(|outage| (outage.stream.as_str(), outage.flow)).collect()
    };
    let (a, b) = (hit_by("a"), hit_by("b"));
    let both = a.intersection(&b);
    both.map(|(stream, flow)| format!("flow {flow} of {stream} lost frames with fabric A and with fabric B"))
        .collect()
}

impl Expected {
    /// In words: `hitless`, `partial, no failover`.
    pub fn words(&self) -> String {
        let class = match self.class {
            Class::Hitless => "hitless",
            Class::Partial => "partial",
            Class::NotHitless => "not hitless",
        };
        match self.moves {
            Some(true) => class.to_owned(),
            Some(false) if self.class == Class::Hitless => "no failover".to_owned(),
            Some(false) => format!("no failover, {class}"),
            None => "traffic goes on".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::judge::tests::{good, partial};

    #[test]
    fn a_flow_is_on_one_fabric() {
        let row = |fabric: &str, first: u16| {
            let mut trial = good(&partial());
            trial.fabrics[0].fabric = fabric.into();
            trial.outages.iter_mut().for_each(|outage| outage.flow += first);
            CauseRow { expected: partial(), trials: vec![trial], ..CauseRow::default() }
        };
        assert!(on_both_fabrics(&[row("a", 0), row("b", 64), row("a", 0)]).is_empty());
        assert_eq!(on_both_fabrics(&[row("a", 0), row("b", 63)]).len(), 1);
    }
}
