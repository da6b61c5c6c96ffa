//! The pipeline as a reader of IEEE 802.1Q would write it, in plain Rust over plain collections: what the fuzz compares with.
//!
//! It shares definitions with the product (msm-abi), no code of the programs.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{
    ControlAction, DropReason, FdbKey, Lport, PortCounters, fabric_bucket_index, flow_bucket, flow_hash,
    header_flags, share_bucket,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) lport: Lport,
    pub(crate) fixed: bool,
    pub(crate) blackhole: bool,
    /// Older than the ageing time.
    pub(crate) over_age: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Vlan {
    pub(crate) untagged: BTreeSet<Lport>,
    pub(crate) tagged: BTreeSet<Lport>,
    pub(crate) domain: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fabric {
    Works,
    Unprogrammed,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Discarding,
    Learning,
    Forwarding,
}

/// What the port that a frame comes in by is configured to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    pub(crate) lport: Lport,
    pub(crate) pvid: u16,
    pub(crate) enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Dropped(DropReason),
    Unicast { to: Lport, frame: Vec<u8> },
    Flood { vid: u16, flags: u16 },
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) vlans: BTreeMap<u16, Vlan>,
    pub(crate) gates: BTreeMap<(u32, Lport), Gate>,
    pub(crate) control: BTreeMap<([u8; 6], u16), ControlAction>,
    pub(crate) fabrics: BTreeMap<u32, Fabric>,
    /// Fabric by bucket index; 0 where nothing is said.
    pub(crate) buckets: BTreeMap<u32, u32>,
    pub(crate) fdb: BTreeMap<([u8; 6], u16), Station>,
    pub(crate) counters: BTreeMap<Lport, PortCounters>,
}

const CONTROL_GROUP: [u8; 5] = [1, 0x80, 0xc2, 0, 0];
const CONTROL_EXTREME: [u8; 5] = [0, 0xe0, 0x2b, 0, 0];

fn default_action(mac: [u8; 6]) -> Option<ControlAction> {
    if mac[..5] == CONTROL_GROUP && mac[5] < 16 {
        Some(ControlAction::Discard)
    } else if mac[..5] == CONTROL_EXTREME {
        Some(ControlAction::Forward)
    } else {
        None
    }
}

/// What a flood's header says of where its frame came in, and of its flow.
pub(crate) fn flow_flags(frame: &[u8], vid: u16, lport: Lport) -> u16 {
    let station = |at: usize| FdbKey::new(frame[at..at + 6].try_into().unwrap(), vid).0;
    let at = if frame[12..14] == [0x81, 0x00] { 16 } else { 12 };
    let kind = u16::from_be_bytes([frame[at], frame[at + 1]]);
    let word = |at: usize| u64::from(u32::from_be_bytes(frame[at..at + 4].try_into().unwrap()));
    let ip = &frame[at + 2..];
    let (source, destination) = match kind {
        0x0800 if ip.len() >= 20 && ip[0] >> 4 == 4 && ip[0] & 15 >= 5 => (word(at + 14), word(at + 18)),
        0x86DD if ip.len() >= 40 && ip[0] >> 4 == 6 => {
            let half = |from: usize| word(at + 2 + from) << 32 | word(at + 6 + from);
            (half(8) ^ half(16), half(24) ^ half(32))
        }
        _ => (station(6), station(0)),
    };
    let bucket = share_bucket(flow_hash(source, destination)) as u16;
    (lport / 64) << header_flags::SLOT_SHIFT | bucket << header_flags::BUCKET_SHIFT
}

impl Model {
    pub(crate) fn receive(&mut self, port: Port, frame: &[u8]) -> Verdict {
        let counters = self.counters.entry(port.lport).or_default();
        counters.rx_frames += 1;
        counters.rx_bytes += frame.len() as u64;
        match self.switch(port, frame) {
            Ok(verdict) => {
                let counted = match &verdict {
                    Verdict::Unicast { to, .. } => *to,
                    _ => port.lport,
                };
                let counters = self.counters.entry(counted).or_default();
                match &verdict {
                    Verdict::Unicast { frame, .. } => {
                        counters.tx_frames += 1;
                        counters.tx_bytes += frame.len() as u64;
                    }
                    _ => counters.flooded += 1,
                }
                verdict
            }
            Err(reason) => {
                self.counters.entry(port.lport).or_default().drops[reason as usize] += 1;
                Verdict::Dropped(reason)
            }
        }
    }

    fn switch(&mut self, port: Port, frame: &[u8]) -> Result<Verdict, DropReason> {
        if !port.enabled {
            return Err(DropReason::PortDisabled);
        }
        let has_tag = frame[12..14] == [0x81, 0x00];
        if has_tag && frame.len() < 18 {
            return Err(DropReason::Truncated);
        }
        let destination: [u8; 6] = frame[0..6].try_into().unwrap();
        let source: [u8; 6] = frame[6..12].try_into().unwrap();
        let tci = if has_tag { u16::from_be_bytes([frame[14], frame[15]]) } else { 0 };
        let vid = if tci & 0xFFF == 0 { port.pvid } else { tci & 0xFFF };
        let to_control = default_action(destination);
        if let Some(default) = to_control {
            let said = self.control.get(&(destination, vid)).or(self.control.get(&(destination, 0)));
            match said.copied().unwrap_or(default) {
                ControlAction::Discard => return Err(DropReason::Control),
                ControlAction::Trap => return Err(DropReason::NoTrap),
                // Nobody traps spanning tree yet.
                ControlAction::TrapAndForward => return Err(DropReason::NoTrap),
                ControlAction::Forward => {}
            }
        }
        let vlan = self.vlans.get(&vid).cloned().ok_or(DropReason::NotMember)?;
        let members = if tci & 0xFFF == 0 { &vlan.untagged } else { &vlan.tagged };
        if !members.contains(&port.lport) {
            return Err(DropReason::NotMember);
        }
        if source[0] & 1 == 1 || source == [0; 6] {
            return Err(DropReason::BadSource);
        }
        let ingress = self.gate(&vlan, port.lport);
        if ingress != Gate::Discarding && default_action(source).is_none() {
            self.learn(source, vid, port.lport);
        }
        if ingress != Gate::Forwarding {
            return Err(DropReason::IngressGate);
        }
        let known = match self.fdb.get(&(destination, vid)) {
            Some(station) if to_control.is_none() && destination[0] & 1 == 0 && !station.over_age => *station,
            _ => {
                let flags = if has_tag { header_flags::TAGGED } else { 0 };
                let fabric = match self.fabric(port.lport, source, destination, vid) {
                    Fabric::Works => 0,
                    Fabric::Unprogrammed => header_flags::FABRIC_UNPROGRAMMED,
                    Fabric::Absent => header_flags::FABRIC_ABSENT,
                };
                return Ok(Verdict::Flood {
                    vid,
                    flags: flags | fabric | flow_flags(frame, vid, port.lport),
                });
            }
        };
        if known.blackhole {
            return Err(DropReason::Blackhole);
        }
        if known.lport == port.lport {
            return Err(DropReason::Hairpin);
        }
        if known.lport / 64 != port.lport / 64 {
            match self.fabric(port.lport, source, destination, vid) {
                Fabric::Works => {}
                Fabric::Unprogrammed => return Err(DropReason::FabricUnprogrammed),
                Fabric::Absent => return Err(DropReason::FabricAbsent),
            }
        }
        if self.gate(&vlan, known.lport) != Gate::Forwarding {
            return Err(DropReason::EgressGate);
        }
        let mut plain = frame.to_vec();
        if has_tag {
            plain.drain(12..16);
        }
        if vlan.tagged.contains(&known.lport) {
            let tci = (tci & 0xF000) | vid;
            plain.splice(12..12, [0x81, 0x00].into_iter().chain(tci.to_be_bytes()));
        } else if !vlan.untagged.contains(&known.lport) {
            return Err(DropReason::EgressNotMember);
        }
        Ok(Verdict::Unicast { to: known.lport, frame: plain })
    }

    fn gate(&self, vlan: &Vlan, lport: Lport) -> Gate {
        match vlan.domain {
            0 => Gate::Forwarding,
            domain => self.gates.get(&(domain, lport)).copied().unwrap_or(Gate::Discarding),
        }
    }

    fn learn(&mut self, source: [u8; 6], vid: u16, lport: Lport) {
        let here = Station { lport, fixed: false, blackhole: false, over_age: false };
        let learned = match self.fdb.get_mut(&(source, vid)) {
            Some(station) if station.fixed => false,
            Some(station) => std::mem::replace(station, here).lport != lport,
            None => self.fdb.insert((source, vid), here).is_none(),
        };
        if learned {
            self.counters.entry(lport).or_default().learned += 1;
        }
    }

    fn fabric(&self, from: Lport, source: [u8; 6], destination: [u8; 6], vid: u16) -> Fabric {
        let hash = flow_hash(FdbKey::new(source, vid).0, FdbKey::new(destination, vid).0);
        let bucket = fabric_bucket_index((from / 64) as u8, flow_bucket(hash));
        let fabric = self.buckets.get(&bucket).copied().unwrap_or(0);
        self.fabrics.get(&fabric).copied().unwrap_or(Fabric::Absent)
    }
}
