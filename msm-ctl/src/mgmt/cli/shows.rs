//! What each `show` command answers, from the board, the netlink view and the tables.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use msm_abi::{DropReason, FdbEntry, FdbKey, NO_LPORT, PortCounters, STAMP_SHIFT, stamp};

use super::server::Desk;
use super::views;
use crate::mgmt::log::{self, Target};
use crate::msm::board::Board;
use crate::netlink::{self, Limits, Netdev};
use crate::process;
use msm_config::command::Show;
use msm_config::mac::Mac;
use msm_config::model::Severity;
use msm_config::port::PortName;

/// Answers `show` as JSON. Reads tables: not for an event loop.
pub(crate) fn show(show: Show, desk: &Desk) -> Result<Vec<u8>, String> {
    let board = desk.board.borrow().clone();
    let json = match show {
        Show::Switch => serde_json::to_vec(&switch(desk, &board)),
        Show::Version => serde_json::to_vec(&version(desk, &board)),
        Show::Failover => serde_json::to_vec(&failover(&board)),
        Show::Fdb(_) => serde_json::to_vec(&fdb(&board)?),
        Show::Ports(_) => serde_json::to_vec(&ports(desk, &board)?),
        Show::Log { nvram, severity } => {
            let target = if nvram { Target::Nvram } else { Target::MemoryBuffer };
            let severity = severity.unwrap_or(Severity::Debug).into();
            serde_json::to_vec(&views::Log { lines: desk.log.lines(target, severity, usize::MAX) })
        }
        _ => return Err("not built yet".to_owned()),
    };
    json.map_err(|e| e.to_string())
}

fn switch(desk: &Desk, board: &Board) -> views::Switch {
    views::Switch {
        sys_name: board.config.config.system.name.clone(),
        system_mac: desk.chassis.system_mac.to_string(),
        platform: desk.chassis.kind.to_string(),
        recovery_mode: board.config.config.failover.recovery.to_string(),
        current_time: log::stamp(SystemTime::now()),
        boot_time: log::stamp(desk.started),
        unsaved: board.config.unsaved(),
        generation: board.status.generation,
        agingtime_s: board.config.config.fdb.aging_s,
        chassis: desk.chassis.name.clone(),
        slot: board.status.identity.slot.to_string(),
        role: board.status.role.name().to_owned(),
        version: board.status.identity.version.clone(),
    }
}

fn version(desk: &Desk, board: &Board) -> views::Version {
    let identities = [Some(&board.status.identity), board.status.peer.as_ref().map(|peer| &peer.identity)];
    let mut msm: Vec<_> = identities
        .into_iter()
        .flatten()
        .map(|identity| views::MsmVersion {
            slot: identity.slot.to_string(),
            version: identity.version.clone(),
            image: identity.image.clone(),
        })
        .collect();
    msm.sort_by(|a, b| a.slot.cmp(&b.slot));
    views::Version {
        platform: desk.chassis.kind.to_string(),
        msm,
        map_abi: msm_abi::ABI_VERSION,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
    }
}

/// `show msm-failover`
pub(super) fn failover(board: &Board) -> views::Failover {
    let status = &board.status;
    let here = views::Msm {
        slot: status.identity.slot.to_string(),
        role: status.role.name().to_owned(),
        pid: status.identity.pid,
        version: status.identity.version.clone(),
        image: status.identity.image.clone(),
    };
    let there = match &status.peer {
        Some(peer) => views::Msm {
            slot: peer.identity.slot.to_string(),
            role: peer.role.name().to_owned(),
            pid: peer.identity.pid,
            version: peer.identity.version.clone(),
            image: peer.identity.image.clone(),
        },
        None => views::Msm {
            slot: status.identity.slot.peer().to_string(),
            role: "absent".to_owned(),
            pid: 0,
            version: String::new(),
            image: String::new(),
        },
    };
    let mut msm = vec![here, there];
    msm.sort_by(|a, b| a.slot.cmp(&b.slot));
    views::Failover {
        msm,
        owner: status.owner.map(|owner| views::Owner { slot: owner.slot.to_string(), epoch: owner.epoch }),
        ready_slot: status.ready_slot.map(|slot| slot.to_string()),
        generation: status.generation,
        cause: status.history.cause.to_string(),
        link_action: status.options.link_action.to_string(),
        preserve_state: status.options.link_action.preserve().to_string(),
        slave_config: status.options.slave_config.to_string(),
        timeout_s: status.options.timeout.as_secs(),
        esrp_failover_mode: status.options.esrp.to_string(),
        failovers: status.history.failovers,
        subsystems: status
            .subsystems
            .iter()
            .map(|row| views::Subsystem {
                name: row.name.to_string(),
                state: row.state.to_string(),
                reason: row.reason.to_string(),
                old_state: row.old_state.to_string(),
                old_reason: row.old_reason.to_string(),
            })
            .collect(),
        last: status.history.last.map(|last| views::Last {
            event_ns: last.event_ns.0,
            detected_ns: last.detected_ns.0,
            committed_ns: last.committed_ns.0,
            serving_ns: last.serving_ns.0,
        }),
    }
}

const NO_TABLES: &str = "no tables yet: no MSM has started the forwarding plane";

/// `show fdb` as JSON, made row by row: a full table as rows of text would be many times its size.
struct FdbRows {
    stations: Vec<(FdbKey, FdbEntry)>,
    now: u32,
    capacity: u32,
    aging_s: u32,
}

impl Serialize for FdbRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Rows<'a>(&'a FdbRows);
        impl Serialize for Rows<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer
                    .collect_seq(self.0.stations.iter().map(|(key, entry)| station(self.0.now, *key, *entry)))
            }
        }
        let mut fields = serializer.serialize_struct("Fdb", 4)?;
        fields.serialize_field("entries", &Rows(self))?;
        fields.serialize_field("count", &self.stations.len())?;
        fields.serialize_field("capacity", &self.capacity)?;
        fields.serialize_field("agingtime_s", &self.aging_s)?;
        fields.end()
    }
}

fn fdb(board: &Board) -> Result<FdbRows, String> {
    let observer = board.observer.as_ref().ok_or(NO_TABLES)?;
    let mut stations = Vec::new();
    observer.fdb(&mut |key, entry| stations.push((key, entry))).map_err(|e| e.to_string())?;
    stations.sort_unstable_by_key(|(key, _)| (key.vid(), key.mac()));
    Ok(FdbRows {
        stations,
        now: stamp(process::monotonic_ns()),
        capacity: observer.fdb_capacity(),
        aging_s: board.config.config.fdb.aging_s,
    })
}

/// One row of `show fdb`; `now` is a stamp.
pub(super) fn station(now: u32, key: FdbKey, entry: FdbEntry) -> views::FdbEntry {
    let flags = match entry.flags() {
        f if f & FdbEntry::BLACKHOLE != 0 => vec!["static", "blackhole"],
        f if f & FdbEntry::STATIC != 0 => vec!["static"],
        _ => vec!["dynamic"],
    };
    let age = if flags[0] == "dynamic" { now.wrapping_sub(entry.stamp()) } else { 0 };
    views::FdbEntry {
        mac: Mac(key.mac()).to_string(),
        vlan: vlan_name(key.vid()),
        vid: key.vid(),
        port: match entry.lport() {
            NO_LPORT => String::new(),
            _ if entry.flags() & FdbEntry::BLACKHOLE != 0 => String::new(),
            lport => PortName::of(lport).to_string(),
        },
        age_s: (u64::from(age) << STAMP_SHIFT) / 1_000_000_000,
        flags: flags.into_iter().map(str::to_owned).collect(),
    }
}

fn vlan_name(vid: u16) -> String {
    if vid == 1 { "Default".to_owned() } else { format!("VLAN{vid}") }
}

fn ports(desk: &Desk, board: &Board) -> Result<views::Ports, String> {
    let counters = match &board.observer {
        Some(observer) => observer.counters().map_err(|e| e.to_string())?,
        None => BTreeMap::new(),
    };
    let ports = desk
        .chassis
        .ports
        .iter()
        .map(|(lport, netdev)| {
            let device = desk.view.get(netdev);
            let mut faults: Vec<String> = netlink::faults(&desk.view, netdev, &Limits::default())
                .iter()
                .map(ToString::to_string)
                .collect();
            for fault in board.faults.get(lport).into_iter().flatten() {
                if !faults.contains(fault) {
                    faults.push(fault.clone());
                }
            }
            let counters = counters.get(lport).copied().unwrap_or_default();
            port(PortName::of(*lport), netdev, device.as_ref(), faults, &counters)
        })
        .collect();
    Ok(views::Ports { ports })
}

/// One row of `show ports`.
pub(super) fn port(
    name: PortName,
    netdev: &str,
    device: Option<&Netdev>,
    faults: Vec<String>,
    counters: &PortCounters,
) -> views::Port {
    let drops = DropReason::ALL
        .into_iter()
        .map(|(reason, text)| (text.to_owned(), counters.drops[reason as usize]))
        .filter(|(_, frames)| *frames > 0)
        .collect();
    views::Port {
        port: name.to_string(),
        netdev: netdev.to_owned(),
        ifindex: device.map_or(0, |device| device.ifindex),
        state: match device {
            None => "absent",
            Some(device) if !device.admin_up => "disabled",
            Some(device) if device.carrier => "active",
            Some(_) => "ready",
        }
        .to_owned(),
        faults,
        carrier_changes: device.map_or(0, |device| device.carrier_changes),
        rx_frames: counters.rx_frames,
        rx_bytes: counters.rx_bytes,
        tx_frames: counters.tx_frames,
        tx_bytes: counters.tx_bytes,
        flooded: counters.flooded,
        tx_flood_copies: counters.tx_flood_copies,
        learned: counters.learned,
        learn_full: counters.learn_full,
        drops,
    }
}

#[cfg(test)]
#[path = "shows_tests.rs"]
mod tests;
