//! Ports: links, PORTS and TX.
//!
//! Up: attach and pin, tcx first, then PORTS, then TX. Down: the other way round. So a valid PORTS entry or a TX entry exists only while a link
//! of the port is pinned, at whatever point an owner dies, and the links alone say where to look for stale ones.
//!
//! The tcx link stays as long as the port has its netdev. A change of driver adds or takes the XDP link alone: while both are there and PORTS
//! says tcx, what XDP hands on is counted twice; at no moment is there none who takes a frame.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use msm_abi::{EgressEntry, IFINDEX_LIMIT, Lport, NO_LPORT, PortEntry, egress_flags, port_flags};

use crate::{
    Changes, Desired, Driver, PortFault, TableError,
    store::{Hook, LinkState, Links, Store},
    tables::{
        egress, ports,
        tx::{self, Hop},
    },
};

/// Netdevs by port.
type Netdevs = BTreeMap<Lport, u32>;

/// The pinned links of a port.
#[derive(Clone, Copy, Debug, Default)]
struct Attached {
    xdp: Option<LinkState>,
    tcx: Option<LinkState>,
}

impl Attached {
    fn each(&self) -> impl Iterator<Item = LinkState> {
        [self.xdp, self.tcx].into_iter().flatten()
    }
}

/// A port that can be.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    ifindex: u32,
    driver: Driver,
    entry: PortEntry,
}

fn failed(what: &'static str, lport: Lport) -> impl FnOnce(io::Error) -> TableError {
    move |source| TableError::Link { what, lport, source }
}

fn attached(store: &impl Links) -> Result<BTreeMap<Lport, Attached>, TableError> {
    let mut found: BTreeMap<Lport, Attached> = BTreeMap::new();
    for (lport, link) in store.links(Hook::Xdp).map_err(failed("list", NO_LPORT))? {
        found.entry(lport).or_default().xdp = Some(link);
    }
    for (lport, link) in store.links(Hook::Tcx).map_err(failed("list", NO_LPORT))? {
        found.entry(lport).or_default().tcx = Some(link);
    }
    Ok(found)
}

/// Brings ports up and down; the ones in service, with their netdevs.
pub(super) fn apply(
    store: &mut (impl Store + Links),
    known: &mut Netdevs,
    desired: &Desired,
    changes: &mut Changes,
) -> Result<Netdevs, TableError> {
    let wanted = wanted(desired, changes);
    let mut kept = BTreeMap::new();
    let mut withdrawn = Vec::new();
    for (lport, links) in attached(store)? {
        match wanted.get(&lport) {
            Some(want) if links.each().all(|link| link.ifindex == want.ifindex) => {
                ours(store, lport, links)?;
                known.insert(lport, want.ifindex);
                kept.insert(lport, links);
            }
            _ => withdrawn.push((lport, links)),
        }
    }
    // Down before up: a netdev that changes from one port to another must be free first.
    withdraw(store, known, &withdrawn, changes)?;

    let mut serving = Netdevs::new();
    for (lport, want) in wanted {
        let links = kept.get(&lport).copied().unwrap_or_default();
        if let Some(ifindex) = raise(store, desired, lport, want, links, changes)? {
            known.insert(lport, ifindex);
            serving.insert(lport, ifindex);
        }
    }
    Ok(serving)
}

/// Gives a port the links of its driver and its entries. Its netdev, if it is in service then.
fn raise(
    store: &mut (impl Store + Links),
    desired: &Desired,
    lport: Lport,
    want: Wanted,
    links: Attached,
    changes: &mut Changes,
) -> Result<Option<u32>, TableError> {
    let Wanted { ifindex, driver, mut entry } = want;
    if let Err(fault) = attach_tcx(store, lport, want, links) {
        changes.port_faults.insert(lport, fault);
        return Ok(None);
    }
    let mut comes = links.each().next().is_none();
    if driver == Driver::Xdp && links.xdp.is_none() {
        let now = ports::get(store, ifindex)?;
        let in_service = links.tcx.is_some() && now.lport == lport && now.flags & port_flags::VALID != 0;
        if let Err(fault) = store.attach(Hook::Xdp, lport, ifindex) {
            changes.port_faults.insert(lport, fault);
            // What served by tcx until now goes on so.
            if !in_service {
                return Ok(None);
            }
            entry.flags |= port_flags::TCX;
        } else if in_service {
            changes.switched.push(lport);
        } else {
            // Its tcx link alone had been there, of an attempt that failed.
            comes = true;
        }
    }
    if comes {
        changes.attached.push(lport);
    }
    serve(store, desired, lport, ifindex, entry, changes)?;
    if driver == Driver::Tcx && links.xdp.is_some() {
        store.detach(Hook::Xdp, lport).map_err(failed("remove", lport))?;
        changes.switched.push(lport);
    }
    Ok(Some(ifindex))
}

fn attach_tcx(
    store: &mut (impl Store + Links),
    lport: Lport,
    want: Wanted,
    links: Attached,
) -> Result<(), PortFault> {
    match (store.programs().tcx, want.driver) {
        (Some(_), _) if links.tcx.is_none() => store.attach(Hook::Tcx, lport, want.ifindex),
        (None, Driver::Tcx) => Err(PortFault::NoTcx { ifindex: want.ifindex }),
        _ => Ok(()),
    }
}

/// Ports whose driver is tcx.
pub(super) fn by_tcx(desired: &Desired) -> BTreeSet<Lport> {
    let tcx = desired.ports.iter().filter(|(_, port)| port.driver == Driver::Tcx);
    tcx.map(|(lport, _)| *lport).collect()
}

/// True if none of `lports` comes, goes, or changes its netdev or its driver.
pub(super) fn stay(
    serving: &Netdevs,
    by_tcx: &BTreeSet<Lport>,
    desired: &Desired,
    lports: &BTreeSet<Lport>,
) -> bool {
    lports.iter().all(|lport| {
        let want = desired.ports.get(lport);
        let tcx = want.is_some_and(|port| port.driver == Driver::Tcx);
        want.and_then(|port| port.ifindex) == serving.get(lport).copied() && tcx == by_tcx.contains(lport)
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
fn wanted(desired: &Desired, changes: &mut Changes) -> BTreeMap<Lport, Wanted> {
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
            wanted.insert(lport, Wanted { ifindex, driver: port.driver, entry: ports::entry(lport, port) });
            continue;
        };
        changes.port_faults.insert(lport, fault);
    }
    wanted
}

/// Refuses a link that runs another program: it is changed in place by an upgrade, never detached here.
fn ours(store: &impl Store, lport: Lport, links: Attached) -> Result<(), TableError> {
    let programs = store.programs();
    let pairs = [(links.xdp, Some(programs.dispatch)), (links.tcx, programs.tcx)];
    for (link, ours) in pairs {
        let Some(link) = link.filter(|link| Some(link.program) != ours) else { continue };
        let why = format!(
            "it runs program {}, the tree's is {}; `msm-ctl teardown` and start again",
            link.program,
            ours.unwrap_or_default()
        );
        return Err(failed("keep", lport)(io::Error::new(io::ErrorKind::InvalidData, why)));
    }
    Ok(())
}

fn withdraw(
    store: &mut (impl Store + Links),
    known: &mut Netdevs,
    ports: &[(Lport, Attached)],
    changes: &mut Changes,
) -> Result<(), TableError> {
    // A dead link has forgotten its netdev. Remembering none either (the netdev went while nobody lived), we look in all of PORTS.
    let lost = |(lport, links): &(Lport, Attached)| {
        links.each().any(|link| link.ifindex == 0) && !known.contains_key(lport)
    };
    let stale = if ports.iter().any(lost) { ports::scan(store)? } else { Vec::new() };

    for (lport, links) in ports {
        if tx::get(store, *lport)?.is_some() {
            tx::remove(store, *lport)?;
        }
        // What is left of a group's master is its group: the others go on.
        let egress = egress::get(store, *lport)?;
        let left = EgressEntry { ifindex: 0, flags: egress.flags & egress_flags::SHARED, ..egress };
        if egress != left {
            egress::set(store, *lport, left)?;
        }
        let mut netdevs: BTreeSet<u32> =
            stale.iter().filter(|(_, entry)| entry.lport == *lport).map(|(ifindex, _)| *ifindex).collect();
        for link in links.each() {
            netdevs.extend(if link.ifindex == 0 { known.get(lport).copied() } else { Some(link.ifindex) });
        }
        for ifindex in netdevs {
            let entry = ports::get(store, ifindex)?;
            if entry != PortEntry::default() && entry.lport == *lport {
                ports::set(store, ifindex, PortEntry::default())?;
            }
        }
        for (hook, link) in [(Hook::Xdp, links.xdp), (Hook::Tcx, links.tcx)] {
            if link.is_some() {
                store.detach(hook, *lport).map_err(failed("remove", *lport))?;
            }
        }
        known.remove(lport);
        changes.detached.push(*lport);
    }
    Ok(())
}
