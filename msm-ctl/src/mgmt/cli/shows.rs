//! What each `show` command answers, from the board, the netlink view, the flash and the tables.

mod access;
mod cpu;
mod fdb;
mod l3;
mod management;
mod mirroring;
mod ports;
mod routing;
mod sharing;
mod vlan;

use std::time::SystemTime;

use msm_config::command::Show;
use msm_config::model::Severity;
use msm_config::name::Name;
use msm_config::portlist::Missing;

use super::server::{Data, Desk};
use super::{actions, views};
use crate::mgmt::log::{self, Target};
use crate::msm::board::Board;
use msm_config::area::Area;

/// Answers `show` as JSON. Reads tables and files: not for an event loop.
pub(super) fn show(show: Show, desk: &Desk) -> Result<Data, String> {
    let board = desk.board.borrow().clone();
    let json = match show {
        Show::Fdb(selection) => return fdb::fdb(&selection, &board),
        Show::Switch => serde_json::to_vec(&switch(desk, &board)),
        Show::Version => serde_json::to_vec(&version(desk, &board)),
        Show::Configuration => {
            serde_json::to_vec(&views::Text { text: actions::text(&board.config.config, desk) })
        }
        Show::Failover => serde_json::to_vec(&failover(&board)),
        Show::Ports { list, .. } => serde_json::to_vec(&ports::ports(list.as_ref(), desk, &board)?),
        Show::Sharing => serde_json::to_vec(&sharing::sharing(desk, &board)?),
        Show::Lacp => serde_json::to_vec(&sharing::lacp(desk, &board)),
        Show::Mirroring => serde_json::to_vec(&mirroring::mirroring(&board)),
        Show::CpuProtection => serde_json::to_vec(&cpu::protection(desk, &board)?),
        Show::Diagnostics => serde_json::to_vec(&desk.examiner.last()),
        Show::Vlan { name, .. } => serde_json::to_vec(&vlan::vlans(name.as_ref(), desk, &board)?),
        Show::Routes(which) => serde_json::to_vec(&l3::routes(&which, desk, &board)?),
        Show::Hosts(which) => serde_json::to_vec(&l3::hosts(&which, &board)?),
        Show::Neighbours(which) => serde_json::to_vec(&l3::neighbours(&which, desk, &board)?),
        Show::IpConfig(vlan) => serde_json::to_vec(&l3::ip_config(vlan.as_ref(), desk, &board)?),
        Show::Log { nvram, severity } => {
            let target = if nvram { Target::Nvram } else { Target::MemoryBuffer };
            let severity = severity.unwrap_or(Severity::Debug);
            serde_json::to_vec(&views::Log { lines: desk.log.lines(target, severity, usize::MAX) })
        }
        Show::Accounts => serde_json::to_vec(&management::accounts(&board)),
        Show::Session => serde_json::to_vec(&management::sessions(desk, &board)),
        Show::Memory => serde_json::to_vec(&management::memory(&board)?),
        Show::Dns => serde_json::to_vec(&management::dns(&board)),
        Show::AccessList(name) => serde_json::to_vec(&access::lists(name.as_ref(), desk, &board)?),
        Show::Routing(protocol, what) => serde_json::to_vec(&routing::routing(protocol, what, desk, &board)),
        Show::Syslog => serde_json::to_vec(&management::syslog(&board)),
    };
    json.map(Data::Whole).map_err(|e| e.to_string())
}

fn switch(desk: &Desk, board: &Board) -> views::Switch {
    let config = &board.config.config;
    let nvram = desk.flash.nvram();
    views::Switch {
        sys_name: config.system.name.clone(),
        sys_location: config.system.location.clone(),
        sys_contact: config.system.contact.clone(),
        system_mac: desk.chassis.system_mac.to_string(),
        platform: desk.chassis.kind.to_string(),
        recovery_mode: config.failover.recovery.to_string(),
        current_time: log::stamp(SystemTime::now()),
        boot_time: log::stamp(desk.started),
        unsaved: board.config.unsaved(),
        generation: board.status.generation,
        agingtime_s: config.fdb.aging_s,
        chassis: desk.chassis.name.clone(),
        slot: board.status.identity.slot.to_string(),
        role: board.status.role.name().to_owned(),
        version: board.status.identity.version.clone(),
        image_selected: nvram.image.to_string(),
        image_booted: nvram.image_booted.map(|area| area.to_string()),
        config_selected: nvram.configuration.to_string(),
        config_booted: nvram.configuration_booted.map(|area| area.to_string()),
        primary_config: saved(desk, Area::Primary),
        secondary_config: saved(desk, Area::Secondary),
    }
}

/// What an area of this MSM's flash holds. Waits for the disk.
fn saved(desk: &Desk, area: Area) -> views::Saved {
    match desk.flash.load(area) {
        Ok(Some(saved)) => views::Saved {
            bytes: saved.about.bytes,
            saved: Some(log::stamp(saved.about.at)),
            version: Some(saved.about.version),
            fault: None,
        },
        Ok(None) => views::Saved::default(),
        Err(fault) => views::Saved { fault: Some(fault.to_string()), ..views::Saved::default() },
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
        note: (status.role.is_master() && status.ready_slot.is_none()).then(|| NO_SLAVE.to_owned()),
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

/// What it means that nobody is ready.
const NO_SLAVE: &str = "No slave is ready: commands are answered at once and are in this master alone; what is not saved ends with it.";
const NO_TABLES: &str = "no tables yet: no MSM has started the forwarding plane";

fn no_vlan(name: &Name) -> String {
    format!("there is no VLAN \"{name}\"; see show vlan")
}

fn no_port(missing: Missing) -> String {
    format!("there is no {missing} in this chassis; see show ports")
}
