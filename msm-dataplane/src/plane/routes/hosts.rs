//! Hosts: each entry is written in place, and a frame sees the one of before or of after.

use std::{collections::BTreeMap, net::IpAddr};

use msm_abi::Neighbour;

use super::{
    Limits,
    found::{Found, family},
};
use crate::{TableError, store::Store, tables::ipfdb};

/// Hosts as they should be.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// What may differ from the tables; `None` = no such host.
    pub(super) due: BTreeMap<IpAddr, Option<Neighbour>>,
    /// Those without room: their frames go to the stack.
    unfit: BTreeMap<IpAddr, Neighbour>,
}

impl Hosts {
    /// Hosts without room, of the IPv4 ones and the IPv6 ones.
    pub(super) fn unfit(&self) -> [usize; 2] {
        let v4 = self.unfit.keys().filter(|addr| addr.is_ipv4()).count();
        [v4, self.unfit.len() - v4]
    }

    /// Writes what is due.
    pub(super) fn write(
        &mut self,
        store: &mut impl Store,
        found: &mut Found,
        limits: &Limits,
    ) -> Result<(), TableError> {
        let due = std::mem::take(&mut self.due);
        // Those that go make room.
        for (addr, _) in due.iter().filter(|(_, want)| want.is_none()) {
            self.unfit.remove(addr);
            let hosts = &mut found.hosts[family(*addr)];
            if hosts.contains_key(addr) {
                ipfdb::remove(store, *addr)?;
                hosts.remove(addr);
            }
        }
        self.unfit.extend(due.into_iter().filter_map(|(addr, want)| Some((addr, want?))));
        for (addr, want) in std::mem::take(&mut self.unfit) {
            let hosts = &mut found.hosts[family(addr)];
            match hosts.get(&addr) {
                Some(is) if *is == want => continue,
                None if hosts.len() >= limits.hosts => {
                    self.unfit.insert(addr, want);
                    continue;
                }
                _ => {}
            }
            ipfdb::set(store, addr, want)?;
            hosts.insert(addr, want);
        }
        Ok(())
    }
}
