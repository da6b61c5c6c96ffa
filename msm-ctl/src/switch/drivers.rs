//! How frames of a port come in whose driver is `auto`. Pure.
//!
//! Undecided, a port is served by tcx, which takes whatever comes. Decided once, it goes from XDP to tcx as soon as the other end sends what
//! would break under XDP, and back only while the link is down: a link sees one change at most, and one that is used sees no detach.

use std::collections::BTreeMap;

use msm_abi::Lport;
use msm_config::Config;
use msm_config::model;
use msm_dataplane::Driver;

/// What was decided, by port.
#[derive(Clone, Debug, Default)]
pub(super) struct Drivers(BTreeMap<Lport, Decision>);

/// For which netdev, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decision {
    ifindex: u32,
    driver: Driver,
}

/// What a port's netdev is like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// It.
    pub(super) ifindex: u32,
    /// Its link is up.
    pub(super) carrier: bool,
    /// Whether frames would break under XDP; `None` while that is not known.
    pub(super) needs_tcx: Option<bool>,
}

impl Drivers {
    /// The driver of a port.
    pub(super) fn of(&self, config: &Config, lport: Lport) -> Driver {
        match config.ports.driver(lport) {
            model::Driver::Xdp => Driver::Xdp,
            model::Driver::Tcx => Driver::Tcx,
            model::Driver::Auto => self.0.get(&lport).map_or(Driver::Tcx, |decision| decision.driver),
        }
    }

    /// What an earlier owner decided, as the tables have it.
    pub(super) fn adopt(&mut self, lport: Lport, ifindex: u32, driver: Driver) {
        self.0.entry(lport).or_insert(Decision { ifindex, driver });
    }

    /// Decides again; true if something else than before.
    pub(super) fn look(&mut self, lport: Lport, seen: Option<Seen>) -> bool {
        let Some(seen) = seen else { return self.0.remove(&lport).is_some() };
        let before = self.0.get(&lport).filter(|decision| decision.ifindex == seen.ifindex).copied();
        let wanted = seen.needs_tcx.map(|needs| if needs { Driver::Tcx } else { Driver::Xdp });
        let driver = match (before.map(|decision| decision.driver), wanted) {
            (Some(Driver::Tcx), Some(Driver::Xdp)) if seen.carrier => Driver::Tcx,
            (_, Some(wanted)) => wanted,
            (Some(before), None) => before,
            (None, None) => return self.0.remove(&lport).is_some_and(|old| old.driver != Driver::Tcx),
        };
        let was = self.0.insert(lport, Decision { ifindex: seen.ifindex, driver });
        was.map_or(Driver::Tcx, |was| was.driver) != driver
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn config() -> Config {
        let facts = model::Facts {
            ports: [0].into(),
            netdevs: model::Netdevs::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let auto = model::script("configure ports 1:1 driver auto").expect("a command");
        Config::factory(&Arc::new(facts)).with(&auto).expect("lawful")
    }

    #[test]
    fn a_link_that_is_used_goes_to_tcx_at_once_and_back_only_while_it_is_down() {
        let config = config();
        let mut drivers = Drivers::default();
        let seen = |carrier, needs_tcx| Some(Seen { ifindex: 7, carrier, needs_tcx });
        assert_eq!(drivers.of(&config, 0), Driver::Tcx, "undecided");
        assert!(!drivers.look(0, seen(true, None)));
        assert!(drivers.look(0, seen(true, Some(false))), "first seen: the better one");
        assert_eq!(drivers.of(&config, 0), Driver::Xdp);
        assert!(!drivers.look(0, seen(true, None)), "not known is no reason");
        assert!(drivers.look(0, seen(true, Some(true))));
        for _ in 0..3 {
            assert!(!drivers.look(0, seen(true, Some(false))) && !drivers.look(0, seen(true, Some(true))));
        }
        assert!(drivers.look(0, seen(false, Some(false))));
        assert_eq!(drivers.of(&config, 0), Driver::Xdp);
    }

    #[test]
    fn another_netdev_is_another_decision_and_a_running_one_is_kept() {
        let config = config();
        let mut drivers = Drivers::default();
        drivers.adopt(0, 7, Driver::Tcx);
        let seen = |ifindex| Some(Seen { ifindex, carrier: true, needs_tcx: Some(false) });
        assert!(!drivers.look(0, seen(7)), "an earlier owner had its reasons");
        assert!(drivers.look(0, seen(8)));
        assert_eq!(drivers.of(&config, 0), Driver::Xdp);
        drivers.look(0, None);
        assert_eq!(drivers.of(&config, 0), Driver::Tcx);
    }
}
