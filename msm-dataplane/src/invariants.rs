//! What must hold between the tables, whoever owns them: read, never mended here.

use std::collections::BTreeSet;

use msm_abi::{FABRICS, Lport, PORTS, VlanEntry};

use crate::{
    Observer, TableError,
    store::{Hook, Kernel, Links},
    tables,
};

/// Findings that are told one by one: what is broken at all is broken often.
const TOLD: usize = 8;

/// What is wrong, the first ones in words.
#[derive(Default)]
struct Findings {
    told: Vec<String>,
    more: usize,
}

impl Findings {
    fn add(&mut self, text: impl FnOnce() -> String) {
        if self.told.len() < TOLD {
            self.told.push(text());
        } else {
            self.more += 1;
        }
    }

    fn end(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("{} more", self.more));
        }
        self.told
    }
}

impl Observer {
    /// What is wrong with the tables; nothing: they are sound. Reads PORTS, VLANS, FLOOD and the fabric's tables whole: some 10 ms, for a thread that may wait.
    /// The owner changes them meanwhile: who finds something asks again, and believes what he finds twice.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn invariants(&self) -> Result<Vec<String>, TableError> {
        let store = self.store();
        let mut found = Findings::default();
        ports(store, &mut found)?;
        vlans(store, &mut found)?;
        fabric(store, &mut found)?;
        Ok(found.end())
    }
}

/// A netdev that is a port has a link of it; a frame to a port without one would leave by a netdev that nobody watches.
fn ports(store: &Kernel, found: &mut Findings) -> Result<(), TableError> {
    let linked: BTreeSet<Lport> = store
        .links(Hook::Tcx)
        .map_err(|source| TableError::Kernel { what: "list", table: "of links", source })?
        .into_iter()
        .map(|(lport, _)| lport)
        .collect();
    for (ifindex, entry) in tables::ports::scan(store)? {
        // The golden frames' port has no number of its own.
        if usize::from(entry.lport) < msm_abi::LPORTS && !linked.contains(&entry.lport) {
            found.add(|| {
                format!("PORTS: netdev {ifindex} is logical port {}, which has no link", entry.lport)
            });
        }
        if usize::from(entry.logical) >= PORTS && entry.logical != entry.lport {
            found.add(|| {
                format!("PORTS: netdev {ifindex} is in a group of {}, which is no port", entry.logical)
            });
        }
    }
    Ok(())
}

/// A VLAN's member set is there, and has no member that is none of the VLAN's.
fn vlans(store: &Kernel, found: &mut Findings) -> Result<(), TableError> {
    let sets = tables::flood::read(store)?;
    for (vid, vlan) in tables::vlans::read(store)? {
        if !sets.contains_key(&vlan.flood) && has_members(&vlan) {
            found.add(|| format!("VLANS: VLAN {vid} floods to set {}, which FLOOD has not", vlan.flood));
        }
    }
    Ok(())
}

fn has_members(vlan: &VlanEntry) -> bool {
    vlan.untagged.iter().chain(&vlan.tagged).any(|word| *word != 0)
}

/// Every bucket is on a fabric that carries frames, if there is one.
fn fabric(store: &Kernel, found: &mut Findings) -> Result<(), TableError> {
    let states = tables::fabric::states(store)?;
    let carries = |fabric: u8| {
        states.get(usize::from(fabric)).is_some_and(|state| state.present != 0 && state.programmed != 0)
    };
    if !(0..FABRICS as u8).any(carries) {
        found.add(|| "FABRICS: no fabric carries frames".to_owned());
        return Ok(());
    }
    for (bucket, fabric) in tables::fabric::buckets(store)?.iter().enumerate() {
        if !carries(*fabric) {
            found.add(|| {
                format!("FABRIC_BUCKETS: bucket {bucket} is on fabric {fabric}, which carries nothing")
            });
        }
    }
    Ok(())
}
