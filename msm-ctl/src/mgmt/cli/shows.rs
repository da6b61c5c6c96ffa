//! What each `show` command answers, from the board, the netlink view, the flash and the tables.

mod access;
mod cpu;
mod failover;
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
        Show::Failover => serde_json::to_vec(&failover::failover(&board)),
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

const NO_TABLES: &str = "no tables yet: no MSM has started the forwarding plane";

fn no_vlan(name: &Name) -> String {
    format!("there is no VLAN \"{name}\"; see show vlan")
}

fn no_port(missing: Missing) -> String {
    format!("there is no {missing} in this chassis; see show ports")
}
