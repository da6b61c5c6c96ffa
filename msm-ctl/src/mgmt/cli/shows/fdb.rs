//! `show fdb`: read in one go, and written row by row while it is sent, a line each: who reads it can show a row when it comes.

use std::io::Write;
use std::sync::Arc;

use msm_abi::{FdbEntry, FdbKey, NO_LPORT, STAMP_SHIFT, stamp};
use msm_config::Running;
use msm_config::command::FdbSelection;
use msm_config::mac::Mac;
use msm_config::port::PortName;
use msm_config::portlist::PortSet;

use super::super::messages::CHUNK;
use super::super::server::Data;
use super::super::views;
use super::{NO_TABLES, no_port, no_vlan};
use crate::msm::board::Board;
use crate::process;

/// Room that a row may need beyond its piece's [`CHUNK`].
const ROW: usize = 256;

/// Which stations are meant, as the tables have them.
#[derive(Default)]
struct Wanted {
    mac: Option<[u8; 6]>,
    vid: Option<u16>,
    ports: Option<PortSet>,
}

impl Wanted {
    fn new(selection: &FdbSelection, running: &Running) -> Result<Self, String> {
        let config = &running.config;
        let vid = match &selection.vlan {
            None => None,
            Some(name) => match config.vlans.get(name) {
                None => return Err(no_vlan(name)),
                Some(vlan) if vlan.vid == 0 => {
                    return Err(format!("VLAN \"{name}\" is not switched: it has no stations"));
                }
                Some(vlan) => Some(vlan.vid),
            },
        };
        let ports = selection.ports.as_ref().map(|ports| ports.resolve(&config.facts().ports));
        Ok(Self { mac: selection.mac.map(|mac| mac.0), vid, ports: ports.transpose().map_err(no_port)? })
    }

    fn has(&self, key: FdbKey, entry: FdbEntry) -> bool {
        self.mac.is_none_or(|mac| mac == key.mac())
            && self.vid.is_none_or(|vid| vid == key.vid())
            && self
                .ports
                .as_ref()
                .is_none_or(|ports| port_of(entry).is_some_and(|port| ports.contains(&port)))
    }
}

/// `show fdb`
pub(super) fn fdb(selection: &FdbSelection, board: &Board) -> Result<Data, String> {
    let observer = board.observer.as_ref().ok_or(NO_TABLES)?;
    let wanted = Wanted::new(selection, &board.config)?;
    let mut stations = Vec::new();
    let mut keep = |key, entry| {
        if wanted.has(key, entry) {
            stations.push((key, entry));
        }
    };
    observer.fdb(&mut keep).map_err(|e| e.to_string())?;
    let now = stamp(process::monotonic_ns());
    Ok(Data::Pieces(Box::new(Rows::new(stations, Arc::clone(&board.config), now, observer.fdb_capacity()))))
}

/// The answer, piece by piece.
pub(super) struct Rows {
    stations: std::vec::IntoIter<(FdbKey, FdbEntry)>,
    running: Arc<Running>,
    now: u32,
    capacity: u32,
    count: usize,
    begun: bool,
    ended: bool,
}

impl Rows {
    /// `now` is a stamp.
    pub(super) fn new(
        mut stations: Vec<(FdbKey, FdbEntry)>,
        running: Arc<Running>,
        now: u32,
        capacity: u32,
    ) -> Self {
        stations.sort_unstable_by_key(|(key, _)| (key.vid(), key.mac()));
        let count = stations.len();
        Self { stations: stations.into_iter(), running, now, capacity, count, begun: false, ended: false }
    }
}

impl Iterator for Rows {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let mut piece = Vec::with_capacity(CHUNK);
        if !self.begun {
            piece.extend(b"{\"entries\":[\n");
        }
        while piece.len() < CHUNK - ROW {
            let Some((key, entry)) = self.stations.next() else {
                self.ended = true;
                let aging = self.running.config.fdb.aging_s;
                let _ = write!(
                    piece,
                    "],\"count\":{},\"capacity\":{},\"agingtime_s\":{aging}}}",
                    self.count, self.capacity
                );
                break;
            };
            if std::mem::replace(&mut self.begun, true) {
                piece.push(b',');
            }
            // A row is text and numbers: it has a JSON form, and a Vec takes all of it.
            let _ = serde_json::to_writer(&mut piece, &station(&self.running, self.now, key, entry));
            piece.push(b'\n');
        }
        Some(piece)
    }
}

fn port_of(entry: FdbEntry) -> Option<u16> {
    match entry.lport() {
        NO_LPORT => None,
        _ if entry.flags() & FdbEntry::BLACKHOLE != 0 => None,
        lport => Some(lport),
    }
}

/// One row; `now` is a stamp.
pub(super) fn station(running: &Running, now: u32, key: FdbKey, entry: FdbEntry) -> views::FdbEntry {
    let flags = match entry.flags() {
        f if f & FdbEntry::BLACKHOLE != 0 => vec!["static", "blackhole"],
        f if f & FdbEntry::STATIC != 0 => vec!["static"],
        _ => vec!["dynamic"],
    };
    let age = if flags[0] == "dynamic" { now.wrapping_sub(entry.stamp()) } else { 0 };
    let name = running.config.vlans.name_of(key.vid());
    views::FdbEntry {
        mac: Mac(key.mac()).to_string(),
        // A VLAN that has just gone may still have stations.
        vlan: name.map_or_else(|| format!("VLAN{}", key.vid()), ToString::to_string),
        vid: key.vid(),
        port: port_of(entry).map(|lport| PortName::of(lport).to_string()).unwrap_or_default(),
        age_s: (u64::from(age) << STAMP_SHIFT) / 1_000_000_000,
        flags: flags.into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
#[path = "fdb_tests.rs"]
mod tests;
