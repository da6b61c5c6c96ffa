//! Rounds: every contender in turn, again and again, and the ratios within each round.

use anyhow::Result;

use super::Options;
use super::contender::{Contender, Kind, Measured};
use super::load::Load;
use crate::report::schema::BenchRow;
use crate::report::stats::median;
use crate::report::table::columns;

/// Frames of the round that is thrown away; how long they take tells how many make a full round.
const FIRST_FRAMES: u32 = 200_000;

/// Rates of every round, in millions a second, in the order of the contenders.
pub(super) struct Rounds {
    kinds: Vec<Kind>,
    rates: Vec<Vec<f64>>,
    delivered: Vec<f64>,
}

/// Lets `contenders` take turns.
pub(super) fn run(
    contenders: &[Contender],
    load: &mut Load,
    stations: u32,
    options: &Options,
    cpu: usize,
) -> Result<Rounds> {
    let mut frames = Vec::new();
    for contender in contenders {
        contender.learn(load, stations, cpu)?;
        let first = contender.measure(load, stations, FIRST_FRAMES, cpu)?;
        frames.push(full_round(&first, options.millis));
    }
    let mut rates = Vec::new();
    let mut delivered = vec![1.0_f64; contenders.len()];
    for _ in 0..options.rounds {
        let mut round = Vec::new();
        for (index, contender) in contenders.iter().enumerate() {
            let measured = contender.measure(load, stations, frames[index], cpu)?;
            delivered[index] = delivered[index].min(measured.received as f64 / measured.offered as f64);
            round.push(measured.mpps());
        }
        rates.push(round);
    }
    Ok(Rounds { kinds: contenders.iter().map(|c| c.kind).collect(), rates, delivered })
}

/// Frames that take `millis` at the rate at which they were sent.
fn full_round(first: &Measured, millis: u32) -> u32 {
    let a_second = first.offered as f64 / first.elapsed.as_secs_f64();
    ((a_second * f64::from(millis) / 1000.0) as u32).max(super::load::BATCH)
}

/// Net ratio of one round: time a frame without the floor's. None if the floor was not below both.
fn net(here: f64, peer: f64, floor: f64) -> Option<f64> {
    let (here, peer) = (1.0 / here - 1.0 / floor, 1.0 / peer - 1.0 / floor);
    (here > 0.0 && peer > 0.0).then(|| peer / here)
}

impl Rounds {
    fn rates_of(&self, kind: Kind) -> Vec<f64> {
        let index = self.kinds.iter().position(|k| *k == kind);
        index.map(|i| self.rates.iter().map(|round| round[i]).collect()).unwrap_or_default()
    }

    /// The receiver that costs the bridge less, over all rounds.
    pub(super) fn cheaper_bridge(&self) -> Kind {
        let rate = |kind| median(&self.rates_of(kind)).unwrap_or(0.0);
        if rate(Kind::BridgeXdp) > rate(Kind::BridgeTcx) { Kind::BridgeXdp } else { Kind::BridgeTcx }
    }

    /// This switch against `kind`, which the report calls `peer`.
    pub(super) fn row(&self, name: &str, kind: Kind, peer: &str, bar: Option<f64>) -> BenchRow {
        let (here, other, floor) =
            (self.rates_of(Kind::Here), self.rates_of(kind), self.rates_of(Kind::Floor));
        let ratios: Vec<f64> = here.iter().zip(&other).map(|(h, o)| h / o).collect();
        let nets: Option<Vec<f64>> =
            here.iter().zip(&other).zip(&floor).map(|((h, o), f)| net(*h, *o, *f)).collect();
        BenchRow {
            name: name.to_owned(),
            here_mpps: median(&here).unwrap_or_default(),
            peer: peer.to_owned(),
            peer_mpps: median(&other).unwrap_or_default(),
            ratio: median(&ratios).unwrap_or_default(),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            net_ratio: nets.and_then(|nets| median(&nets)),
            bar,
        }
    }

    /// Rates of every contender.
    pub(super) fn table(&self) -> String {
        let cheaper = self.cheaper_bridge();
        let row = |(index, kind): (usize, &Kind)| {
            let rates = self.rates_of(*kind);
            let middle = median(&rates).unwrap_or_default();
            let used = if *kind == cheaper { " (used: the cheaper one)" } else { "" };
            vec![
                format!("{}{used}", kind.name()),
                format!("{middle:.3}"),
                format!("{:.3}", rates.iter().copied().fold(f64::INFINITY, f64::min)),
                format!("{:.3}", rates.iter().copied().fold(0.0, f64::max)),
                format!("{:.0}", 1000.0 / middle),
                format!("{:.2} %", self.delivered[index] * 100.0),
            ]
        };
        let head = ["contender", "Mpps median", "min", "max", "ns a frame", "delivered, worst"];
        columns(&head, &self.kinds.iter().enumerate().map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: Vec<Vec<f64>>) -> Rounds {
        Rounds { kinds: Kind::ALL.to_vec(), delivered: vec![1.0; Kind::ALL.len()], rates }
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // The machine slows down by half in the second round: the ratios do not notice.
        let rounds = rounds(vec![vec![1.2, 1.5, 0.5, 0.4, 1.8], vec![0.6, 0.75, 0.25, 0.2, 0.9]]);
        let row = rounds.row("16 stations", Kind::Bare, "bare", Some(0.8));
        assert!((row.ratio_min - 0.8).abs() < 1e-9 && (row.ratio_max - 0.8).abs() < 1e-9);
        assert_eq!(rounds.cheaper_bridge(), Kind::BridgeTcx);
    }

    #[test]
    fn net_takes_the_floor_off_both() {
        // 1000 ns, 750 ns and a floor of 500 ns: 500 against 250 ns.
        let value = net(1.0, 4.0 / 3.0, 2.0).expect("the floor is below both");
        assert!((value - 0.5).abs() < 1e-9);
        assert_eq!(net(1.0, 2.5, 2.0), None, "a peer faster than the floor: no figure");
    }

    #[test]
    fn a_full_round_takes_its_time() {
        let first = Measured {
            offered: 1_000_000,
            received: 900_000,
            elapsed: std::time::Duration::from_millis(500),
        };
        assert_eq!(full_round(&first, 800), 1_600_000);
    }
}
