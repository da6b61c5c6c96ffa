//! `show cpu-protection`

use std::collections::BTreeMap;

use msm_abi::CpuClass;

use super::super::server::Desk;
use super::super::views;
use crate::msm::board::Board;

/// `show cpu-protection`
pub(super) fn protection(desk: &Desk, board: &Board) -> Result<views::CpuProtection, String> {
    let counters = match &board.observer {
        Some(observer) => observer.cpu_counters().map_err(|e| e.to_string())?,
        None => BTreeMap::new(),
    };
    let config = &board.config.config.cpu;
    let class = |(class, name): (CpuClass, &str)| {
        let now = counters.get(&class).copied().unwrap_or_default();
        let since = desk.baseline.cpu_since(class, &now);
        views::CpuClass {
            class: name.to_owned(),
            rate_pps: config.rate(class),
            configured: config.rates.contains_key(&class),
            passed: since.passed,
            limited: since.limited,
            full: since.full,
        }
    };
    Ok(views::CpuProtection { classes: CpuClass::ALL.into_iter().map(class).collect() })
}
