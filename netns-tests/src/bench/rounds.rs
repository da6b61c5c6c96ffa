//! Rounds: every contender in turn, again and again, and the ratios within each round.

use anyhow::{Result, ensure};

use super::Options;
use super::contender::{Contender, Measured};
use super::load::{BATCH, Load};
use crate::report::schema::BenchRow;
use crate::report::stats::median;
use crate::report::table::columns;

/// Frames of the round that is thrown away; how long they take tells how many make a full round.
const FIRST_FRAMES: u32 = 50_000;
/// Of all frames, how many a contender may lose before its rate means nothing.
const DELIVERED_AT_LEAST: f64 = 0.98;

/// One question: how does `here` do beside the best of `peers`?
#[derive(Clone, Debug)]
pub struct Compare {
    /// What was forwarded.
    pub name: String,
    /// Place of this switch among the contenders.
    pub here: usize,
    /// Places of the peer's variants; the fastest over all rounds counts.
    pub peers: Vec<usize>,
    /// Name of the peer.
    pub peer: &'static str,
    /// Least ratio asked for.
    pub bar: Option<f64>,
}

/// Rates of every round, in millions a second, in the order of the contenders.
pub struct Rounds {
    names: Vec<String>,
    rates: Vec<Vec<f64>>,
    delivered: Vec<f64>,
}

/// Lets `contenders` take turns. What sends into a full ring by nature (`lossy`) may lose.
pub fn run(
    contenders: &[Contender],
    load: &mut Load,
    options: &Options,
    cpu: usize,
    lossy: &[usize],
) -> Result<Rounds> {
    let mut frames = Vec::new();
    for (index, contender) in contenders.iter().enumerate() {
        let drops = contender.bed.drops()?;
        let first = contender.measure(load, FIRST_FRAMES, cpu)?;
        ensure!(
            first.delivered() >= DELIVERED_AT_LEAST || lossy.contains(&index),
            "{}: only {} of {} frames arrived; {}",
            contender.name,
            first.received,
            first.offered,
            contender.bed.drops()?.since(&drops).join(", ")
        );
        frames.push(full_round(&first, contender.traffic.copies, options.millis));
    }
    let mut rates = Vec::new();
    let mut delivered = vec![1.0_f64; contenders.len()];
    for _ in 0..options.rounds {
        let mut round = Vec::new();
        for (index, contender) in contenders.iter().enumerate() {
            let measured = contender.measure(load, frames[index], cpu)?;
            delivered[index] = delivered[index].min(measured.delivered());
            round.push(measured.mpps());
        }
        rates.push(round);
    }
    Ok(Rounds { names: contenders.iter().map(|c| c.name.clone()).collect(), rates, delivered })
}

/// Frames that take `millis` at the rate at which they were sent.
fn full_round(first: &Measured, copies: u32, millis: u32) -> u32 {
    let a_second = first.offered as f64 / f64::from(copies) / first.elapsed.as_secs_f64();
    ((a_second * f64::from(millis) / 1000.0) as u32).max(BATCH)
}

/// Net ratio of one round: time a frame without the floor's. None if the floor was not below both.
fn net(here: f64, peer: f64, floor: f64) -> Option<f64> {
    let (here, peer) = (1.0 / here - 1.0 / floor, 1.0 / peer - 1.0 / floor);
    (here > 0.0 && peer > 0.0).then(|| peer / here)
}

impl Rounds {
    fn rates_of(&self, index: usize) -> Vec<f64> {
        self.rates.iter().map(|round| round[index]).collect()
    }

    fn median_of(&self, index: usize) -> f64 {
        median(&self.rates_of(index)).unwrap_or_default()
    }

    /// The variant that costs the peer least, over all rounds.
    fn fastest(&self, peers: &[usize]) -> usize {
        let better = |a: &usize, b: &usize| self.median_of(*a).total_cmp(&self.median_of(*b));
        peers.iter().copied().max_by(better).unwrap_or_default()
    }

    /// Answers a question. `floor` is the place of the floor, and how many hosts each of the others' frames goes to is `copies`: the floor's goes
    /// to one.
    #[must_use]
    pub fn row(&self, scenario: &str, compare: &Compare, floor: Option<usize>, copies: u32) -> BenchRow {
        let peer = self.fastest(&compare.peers);
        let (here, other) = (self.rates_of(compare.here), self.rates_of(peer));
        let ratios: Vec<f64> = here.iter().zip(&other).map(|(h, o)| h / o).collect();
        let per_frame = |rate: f64| rate / f64::from(copies);
        let floor = floor.map(|index| self.rates_of(index)).unwrap_or_default();
        let nets: Option<Vec<f64>> = here
            .iter()
            .zip(&other)
            .zip(&floor)
            .map(|((h, o), f)| net(per_frame(*h), per_frame(*o), *f))
            .collect();
        let net_ns = |rates: &[f64]| {
            let ns = rates.iter().zip(&floor).map(|(r, f)| 1e3 / per_frame(*r) - 1e3 / f);
            median(&ns.collect::<Vec<_>>())
        };
        BenchRow {
            scenario: scenario.to_owned(),
            name: compare.name.clone(),
            here_mpps: median(&here).unwrap_or_default(),
            peer: compare.peer.to_owned(),
            peer_mpps: median(&other).unwrap_or_default(),
            ratio: median(&ratios).unwrap_or_default(),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            net_ratio: nets.and_then(|nets| median(&nets)),
            here_net_ns: net_ns(&here),
            peer_net_ns: net_ns(&other),
            rounds: self.rates.len(),
            bar: compare.bar,
        }
    }

    /// Rates of every contender.
    #[must_use]
    pub fn table(&self) -> String {
        let row = |(index, name): (usize, &String)| {
            let rates = self.rates_of(index);
            let middle = median(&rates).unwrap_or_default();
            vec![
                name.clone(),
                format!("{middle:.3}"),
                format!("{:.3}", rates.iter().copied().fold(f64::INFINITY, f64::min)),
                format!("{:.3}", rates.iter().copied().fold(0.0, f64::max)),
                format!("{:.0}", 1000.0 / middle),
                format!("{:.2} %", self.delivered[index] * 100.0),
            ]
        };
        let head = ["contender", "Mpps median", "min", "max", "ns a frame", "delivered, worst"];
        columns(&head, &self.names.iter().enumerate().map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: Vec<Vec<f64>>) -> Rounds {
        let contenders = rates[0].len();
        let names = (0..contenders).map(|i| format!("c{i}")).collect();
        Rounds { names, delivered: vec![1.0; contenders], rates }
    }

    fn compare(peers: &[usize]) -> Compare {
        Compare { name: "16 stations".into(), here: 0, peers: peers.to_vec(), peer: "peer", bar: Some(0.8) }
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // The machine slows down by half in the second round: the ratios do not notice.
        let rounds = rounds(vec![vec![1.2, 1.5, 0.5, 0.4, 1.8], vec![0.6, 0.75, 0.25, 0.2, 0.9]]);
        let row = rounds.row("l2", &compare(&[1]), Some(4), 1);
        assert!((row.ratio_min - 0.8).abs() < 1e-9 && (row.ratio_max - 0.8).abs() < 1e-9);
        let bridge = rounds.row("l2", &compare(&[2, 3]), Some(4), 1);
        assert!((bridge.ratio - 2.4).abs() < 1e-9, "the faster of the peer's variants counts: {bridge:?}");
    }

    #[test]
    fn net_takes_the_floor_off_both() {
        // 1000 ns, 750 ns and a floor of 500 ns: 500 against 250 ns.
        let value = net(1.0, 4.0 / 3.0, 2.0).expect("the floor is below both");
        assert!((value - 0.5).abs() < 1e-9);
        assert_eq!(net(1.0, 2.5, 2.0), None, "a peer faster than the floor: no figure");
        let row = rounds(vec![vec![1.0, 4.0 / 3.0, 2.0]]).row("l2", &compare(&[1]), Some(2), 1);
        assert!((row.here_net_ns.expect("a floor") - 500.0).abs() < 1e-6, "{row:?}");
        let flood = rounds(vec![vec![3.0, 3.0, 2.0]]).row("flood", &compare(&[1]), Some(2), 3);
        assert!(
            (flood.here_net_ns.expect("a floor") - 500.0).abs() < 1e-6,
            "of a frame, not of a copy: {flood:?}"
        );
    }

    #[test]
    fn a_full_round_takes_its_time() {
        let first = Measured {
            offered: 3_000_000,
            received: 900_000,
            elapsed: std::time::Duration::from_millis(500),
        };
        assert_eq!(full_round(&first, 3, 800), 1_600_000);
    }
}
