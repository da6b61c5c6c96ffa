//! Ports: links, PORTS and TX.
//!
//! Up: attach and pin, then PORTS, then TX. Down: the other way round. So a valid PORTS entry or a TX entry exists only while the port's
//! link is pinned, at whatever point an owner dies, and the links alone say where to look for stale ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use msm_abi::{EgressEntry, IFINDEX_LIMIT, Lport, NO_LPORT, PortEntry, egress_flags, port_flags};

use crate::{
    Changes, Desired, PortFault, TableError,
    store::{LinkState, Links, Store},
    tables::{
        egress, ports,
        tx::{self, Hop},
    },
};

/// Netdevs by port.
type Netdevs = BTreeMap<Lport, u32>;

fn failed(what: &'static str, lport: Lport) -> impl FnOnce(io::Error) -> TableError {
    move |source| TableError::Link { what, lport, source }
}

/// Brings ports up and down; the ones in service, with their netdevs.
pub(super) fn apply(
    store: &mut (impl Store + Links),
    known: &mut Netdevs,
    desired: &Desired,
    changes: &mut Changes,
) -> Result<Netdevs, TableError> {
    let wanted = wanted(desired, changes);
    let mut linked = BTreeSet::new();
    let mut withdrawn = Vec::new();
    for (lport, link) in store.links().map_err(failed("list", NO_LPORT))? {
        if wanted.get(&lport).is_some_and(|(ifindex, _)| *ifindex == link.ifindex) {
            ours(store, lport, link)?;
            known.insert(lport, link.ifindex);
            linked.insert(lport);
        } else {
            withdrawn.push((lport, link));
        }
    }
    // Down before up: a netdev that changes from one port to another must be free first.
    withdraw(store, known, &withdrawn, changes)?;

    let mut serving = Netdevs::new();
    for (lport, (ifindex, entry)) in wanted {
        if !linked.contains(&lport) {
            if let Err(fault) = store.attach(lport, ifindex) {
                changes.port_faults.insert(lport, fault);
                continue;
            }
            changes.attached.push(lport);
        }
        known.insert(lport, ifindex);
        serve(store, desired, lport, ifindex, entry, changes)?;
        serving.insert(lport, ifindex);
    }
    Ok(serving)
}

/// True if none of `lports` comes, goes or changes its netdev.
pub(super) fn stay(serving: &Netdevs, desired: &Desired, lports: &BTreeSet<Lport>) -> bool {
    lports.iter().all(|lport| {
        let want = desired.ports.get(lport).and_then(|port| port.ifindex);
        want == serving.get(lport).copied()
    })
}

/// Changes ports that [`stay`].
pub(super) fn apply_part(
    store: &mut impl Store,
    desired: &Desired,
    lports: &BTreeSet<Lport>,
    changes: &mut Changes,
) -> Result<(), TableError> {
    for lport in lports {
        changes.port_faults.remove(lport);
        let Some(port) = desired.ports.get(lport) else { continue };
        let Some(ifindex) = port.ifindex else { continue };
        serve(store, desired, *lport, ifindex, ports::entry(*lport, port), changes)?;
    }
    Ok(())
}

/// Writes the entries of a port that has its link. That it cannot be sent to is its fault.
fn serve(
    store: &mut impl Store,
    desired: &Desired,
    lport: Lport,
    ifindex: u32,
    entry: PortEntry,
    changes: &mut Changes,
) -> Result<(), TableError> {
    let leaving = leaving(desired, lport, ifindex);
    if egress::get(store, lport)? != leaving {
        egress::set(store, lport, leaving)?;
    }
    if ports::get(store, ifindex)? != entry {
        ports::set(store, ifindex, entry)?;
    }
    if let Err(error) = transmit(store, lport, ifindex, entry)? {
        // It stays in its floods: what is in them already goes on, what is not will fail there too.
        changes.port_faults.insert(lport, PortFault::NoTransmit { ifindex, reason: error.to_string() });
    }
    Ok(())
}

/// How frames leave by a port, and by the group that it is the master of.
fn leaving(desired: &Desired, lport: Lport, ifindex: u32) -> EgressEntry {
    let port = desired.ports.get(&lport).copied().unwrap_or_default();
    let group = desired.groups.get(&lport);
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    EgressEntry {
        ifindex: if port.enabled { ifindex } else { 0 },
        flags: flag(group.is_some(), egress_flags::SHARED)
            | flag(port.slow, egress_flags::SLOW)
            | flag(port.mirror_sent, egress_flags::MIRRORED),
        group: group.map_or(0, |group| group.index),
    }
}

/// Gives a port its place in TX, or takes it from a disabled one: unicast to it is stopped there. The inner error is the port's own.
fn transmit(
    store: &mut impl Store,
    lport: Lport,
    ifindex: u32,
    entry: PortEntry,
) -> Result<Result<(), TableError>, TableError> {
    let enabled = entry.flags & port_flags::ENABLED != 0;
    let want = enabled.then_some(Hop { ifindex, program: store.programs().egress });
    match (tx::get(store, lport)?, want) {
        (have, want) if have == want => Ok(Ok(())),
        (_, Some(hop)) => Ok(tx::set(store, lport, hop)),
        (_, None) => tx::remove(store, lport).map(|_| Ok(())),
    }
}

/// The ports that have a netdev, and their entries. Refuses an ifindex that the table has no room for, or that two ports name.
fn wanted(desired: &Desired, changes: &mut Changes) -> BTreeMap<Lport, (u32, PortEntry)> {
    let mut taken = BTreeMap::new();
    let mut wanted = BTreeMap::new();
    for (&lport, port) in &desired.ports {
        let Some(ifindex) = port.ifindex else { continue };
        let fault = if ifindex == 0 {
            PortFault::DeviceMissing { ifindex }
        } else if ifindex >= IFINDEX_LIMIT {
            PortFault::IfindexTooLarge { ifindex, limit: IFINDEX_LIMIT }
        } else if let Some(&other) = taken.get(&ifindex) {
            PortFault::NetdevShared { ifindex, other }
        } else {
            taken.insert(ifindex, lport);
            wanted.insert(lport, (ifindex, ports::entry(lport, port)));
            continue;
        };
        changes.port_faults.insert(lport, fault);
    }
    wanted
}

/// Refuses a link that runs another program: it is changed in place by an upgrade, never detached here.
fn ours(store: &impl Store, lport: Lport, link: LinkState) -> Result<(), TableError> {
    let ours = store.programs().dispatch;
    if link.program == ours {
        return Ok(());
    }
    let found = link.program;
    let why = format!(
        "it runs program {found}, the tree's dispatcher is {ours}; `msm-ctl teardown` and start again"
    );
    Err(failed("keep", lport)(io::Error::new(io::ErrorKind::InvalidData, why)))
}

fn withdraw(
    store: &mut (impl Store + Links),
    known: &mut Netdevs,
    links: &[(Lport, LinkState)],
    changes: &mut Changes,
) -> Result<(), TableError> {
    // A dead link has forgotten its netdev. Remembering none either (the netdev went while nobody lived), we look in all of PORTS.
    let lost = |lport: &Lport, link: &LinkState| link.ifindex == 0 && !known.contains_key(lport);
    let scan = links.iter().any(|(lport, link)| lost(lport, link));
    let stale = if scan { ports::scan(store)? } else { Vec::new() };

    for (lport, link) in links {
        if tx::get(store, *lport)?.is_some() {
            tx::remove(store, *lport)?;
        }
        // What is left of a group's master is its group: the others go on.
        let egress = egress::get(store, *lport)?;
        let left = EgressEntry { ifindex: 0, flags: egress.flags & egress_flags::SHARED, ..egress };
        if egress != left {
            egress::set(store, *lport, left)?;
        }
        let mut netdevs: Vec<u32> =
            stale.iter().filter(|(_, entry)| entry.lport == *lport).map(|(ifindex, _)| *ifindex).collect();
        netdevs.extend(if link.ifindex == 0 { known.get(lport).copied() } else { Some(link.ifindex) });
        for ifindex in netdevs {
            let entry = ports::get(store, ifindex)?;
            if entry != PortEntry::default() && entry.lport == *lport {
                ports::set(store, ifindex, PortEntry::default())?;
            }
        }
        store.detach(*lport).map_err(failed("remove", *lport))?;
        known.remove(lport);
        changes.detached.push(*lport);
    }
    Ok(())
}
