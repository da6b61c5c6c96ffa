//! What becomes of a frame (IEEE 802.1Q-2018 8.6).

use msm_abi::{
    ControlAction, CpuClass, DOMAINS, DropReason, FabricState, FdbEntry, FdbKey, FloodHeader, GateState,
    HEADER_VERSION, LPORTS, LimitKind, Lport, PORTS, PortEntry, SLOTS, TRAP_SNAP, VlanEntry, acl_active,
    egress_flags, fabric_bucket_index, flow_bucket, flow_hash, header_flags, learn_flags, port_flags,
    share_bucket, vlan_flags,
};
use msm_dataplane::plane::acl::{AclFields, AclIp};

use super::frame::{Entry, Frame, Header, VID, number};
use super::router::{self, Way};
use super::tables::{Seen, Station, Switch};

const BROADCAST: [u8; 6] = [0xff; 6];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Dropped(DropReason),
    /// XDP hands it to the tcx entry of its port.
    Punted,
    /// Taken by a trap.
    Taken,
    /// To one port, or by its VLAN's interface to the stack; the frame as it is on the wire.
    Sent {
        to: Lport,
        frame: Vec<u8>,
    },
    /// By XDP to all members of its VLAN: the frame, and what each copy is told.
    Flooded {
        header: FloodHeader,
        frame: Vec<u8>,
    },
    /// By tcx: see [`Outcome::copies`].
    Copied,
}

/// A record for a protocol of the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trapped {
    pub(crate) lport: Lport,
    pub(crate) vid: u16,
    pub(crate) len: u32,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) trapped: Option<Trapped>,
    /// Frames that were sent on the way, each by a port.
    pub(crate) copies: Vec<(Lport, Vec<u8>)>,
}

/// Why its way ends.
enum End {
    Drop(DropReason),
    Punt,
}

impl From<DropReason> for End {
    fn from(reason: DropReason) -> Self {
        Self::Drop(reason)
    }
}

/// A frame past classification.
struct Classified<'a> {
    port: &'a PortEntry,
    header: Header,
    /// As it came in: these choose its fabric.
    source: FdbKey,
    destination: FdbKey,
}

fn default_action(mac: [u8; 6]) -> Option<ControlAction> {
    match mac {
        [0x01, 0x80, 0xc2, 0, 0, last] if last < 16 => Some(ControlAction::Discard),
        [0x00, 0xe0, 0x2b, 0, 0, _] => Some(ControlAction::Forward),
        _ => None,
    }
}

fn is_group(mac: [u8; 6]) -> bool {
    mac[0] & 1 == 1
}

impl Switch {
    /// A frame comes in by a netdev.
    pub(crate) fn receive(&mut self, ifindex: u32, mut frame: Frame) -> Outcome {
        let mut outcome = Outcome { verdict: Verdict::Punted, trapped: None, copies: Vec::new() };
        let at = match self.ports.get(&ifindex).copied() {
            None => {
                outcome.verdict = Verdict::Dropped(DropReason::PortDisabled);
                LPORTS as u32
            }
            Some(port) => {
                if first_sight(&frame, &port) {
                    let counters = self.count(port.lport);
                    counters.rx_frames += 1;
                    counters.rx_bytes += frame.len();
                }
                outcome.verdict = match self.switch(&port, &mut frame, &mut outcome) {
                    Ok(verdict) => verdict,
                    Err(End::Drop(reason)) => Verdict::Dropped(reason),
                    Err(End::Punt) => {
                        self.count(port.lport).slow += 1;
                        Verdict::Punted
                    }
                };
                port.lport.into()
            }
        };
        if let Verdict::Dropped(reason) = outcome.verdict {
            self.count(at).drops[reason as usize] += 1;
        }
        outcome
    }

    fn switch(&mut self, port: &PortEntry, frame: &mut Frame, outcome: &mut Outcome) -> Result<Verdict, End> {
        if port.flags & port_flags::ENABLED == 0 {
            return Err(DropReason::PortDisabled.into());
        }
        let is_mirrored = port.flags & port_flags::MIRRORED != 0;
        if is_mirrored {
            if frame.entry == Entry::Xdp {
                return Err(End::Punt);
            }
            self.mirror(frame, outcome);
        }
        // What was asked at the XDP entry is not asked again.
        let is_new = first_sight(frame, port) || is_mirrored;
        let header = frame.header()?;
        let tagged = header.tci.unwrap_or(0) & VID;
        let vid = if tagged == 0 { port.pvid } else { tagged };
        let mut is_control = false;
        if let Some(default) = default_action(header.destination) {
            let said =
                [vid, 0].into_iter().find_map(|vid| self.control.get(&(header.destination, vid)).copied());
            let (action, class) = said.unwrap_or((default, CpuClass::Lacp));
            match action {
                ControlAction::Discard => return Err(DropReason::Control.into()),
                ControlAction::Forward => {}
                ControlAction::Trap | ControlAction::TrapAndForward => {
                    if is_new {
                        outcome.trapped = Some(self.trap(port, frame, vid, class)?);
                    }
                    if action == ControlAction::Trap {
                        self.count(port.lport).to_cpu += 1;
                        return Ok(Verdict::Taken);
                    }
                }
            }
            is_control = true;
        }
        if port.flags & port_flags::CLOSED != 0 {
            return Err(DropReason::IngressGate.into());
        }
        let vlan = self.vlan(vid).ok_or(DropReason::NotMember)?;
        let is_stack = port.flags & port_flags::SVI != 0;
        let is_member = match (is_stack, tagged != 0) {
            (true, tagged) => !tagged && vlan.svi == port.lport,
            (false, true) => vlan.is_tagged(port.logical),
            (false, false) => vlan.is_untagged(port.logical),
        };
        if !is_member {
            return Err(DropReason::NotMember.into());
        }
        if is_group(header.source) || header.source == [0; 6] {
            return Err(DropReason::BadSource.into());
        }
        let key = |mac| FdbKey::new(mac, vid);
        let it =
            Classified { port, header, source: key(header.source), destination: key(header.destination) };
        if !is_stack {
            let gate = self.gate(&vlan, port.logical);
            if gate == GateState::Discarding {
                return Err(DropReason::IngressGate.into());
            }
            if is_new && !self.permits(port, frame, &header) {
                return Err(DropReason::AclDenied.into());
            }
            if default_action(header.source).is_none() {
                self.learn(port, header.source, vid)?;
            }
            if gate != GateState::Forwarding {
                return Err(DropReason::IngressGate.into());
            }
            let mac = self.config.router_mac.to_be_bytes();
            if vlan.svi != 0 && header.destination == mac[2..] {
                return self.routed(&it, frame, vid, &vlan, outcome);
            }
        }
        let known = if is_control || is_group(header.destination) {
            None
        } else {
            self.find(header.destination, vid)?
        };
        match known {
            Some(to) if to == port.logical => Err(DropReason::Hairpin.into()),
            Some(to) => self.unicast(&it, frame, vid, to, None, outcome),
            None => self.flooded(&it, frame, vid, &vlan, None, outcome),
        }
    }

    fn trap(
        &mut self,
        port: &PortEntry,
        frame: &Frame,
        vid: u16,
        class: CpuClass,
    ) -> Result<Trapped, DropReason> {
        if class != CpuClass::Lacp {
            return Err(DropReason::NoTrap);
        }
        if !self.admit(class) {
            return Err(DropReason::CpuLimited);
        }
        let kept = frame.bytes.len().min(TRAP_SNAP);
        Ok(Trapped { lport: port.lport, vid, len: frame.len() as u32, bytes: frame.bytes[..kept].to_vec() })
    }

    fn permits(&mut self, port: &PortEntry, frame: &Frame, header: &Header) -> bool {
        if self.config.acl & acl_active::RULES == 0 {
            return true;
        }
        let ip = router::ipv4(frame, header).map(|packet| {
            let upper = packet.get(usize::from(packet[0] & 15) * 4..).unwrap_or_default();
            let has_ports =
                [6, 17].contains(&packet[9]) && !router::is_later_fragment(packet) && upper.len() >= 4;
            AclIp {
                source: router::address4(packet, 12).to_bits(),
                destination: router::address4(packet, 16).to_bits(),
                protocol: packet[9],
                ports: has_ports.then(|| (number(upper, 0), number(upper, 2))),
            }
        });
        let fields = AclFields {
            ingress: port.lport,
            source: header.source,
            destination: header.destination,
            ethertype: header.kind,
            ip,
        };
        let Some(rule) = self.acl.decide(&fields).map(|rule| &self.acl.rules[rule]) else { return true };
        *self.hits.entry(rule.counter).or_default() += 1;
        rule.permit
    }

    fn learn(&mut self, port: &PortEntry, source: [u8; 6], vid: u16) -> Result<(), DropReason> {
        let here = Station { lport: port.logical, flags: 0, seen: Seen::Lately };
        let known = self.fdb.get(&(source, vid)).copied();
        match known {
            Some(known) if known.flags & FdbEntry::STATIC != 0 => return Ok(()),
            Some(known) if known.lport == port.logical => {
                self.fdb.insert((source, vid), here);
                return Ok(());
            }
            _ => {}
        }
        if port.flags & port_flags::LEARN_LIMITED != 0 {
            let limit = self.learn.get(&port.logical).copied().unwrap_or_default();
            let have = self.learned.get(&port.logical).copied().unwrap_or(0).wrapping_sub(limit.removed);
            if limit.flags & learn_flags::LOCKED != 0 || have >= limit.limit.into() {
                return Err(DropReason::LearnLimited);
            }
        }
        if let Some(known) = known {
            let there = self.learned.entry(known.lport).or_default();
            *there = there.wrapping_sub(1);
        } else if self.fdb.len() >= self.room {
            self.count(port.lport).learn_full += 1;
            return Ok(());
        }
        let more = self.learned.entry(port.logical).or_default();
        *more = more.wrapping_add(1);
        self.fdb.insert((source, vid), here);
        self.count(port.lport).learned += 1;
        Ok(())
    }

    /// The port of a station; `None` if nobody knows.
    fn find(&self, mac: [u8; 6], vid: u16) -> Result<Option<Lport>, DropReason> {
        match self.fdb.get(&(mac, vid)) {
            Some(known) if known.flags & FdbEntry::STATIC == 0 && known.seen == Seen::LongAgo => Ok(None),
            Some(known) if known.flags & FdbEntry::BLACKHOLE != 0 => Err(DropReason::Blackhole),
            known => Ok(known.map(|known| known.lport)),
        }
    }

    pub(super) fn gate(&self, vlan: &VlanEntry, lport: Lport) -> GateState {
        match vlan.domain {
            _ if usize::from(lport) >= PORTS => GateState::Forwarding,
            0 => GateState::Forwarding,
            domain if domain >= DOMAINS as u32 => GateState::Discarding,
            domain => self.gates.get(&(domain, lport)).copied().unwrap_or(GateState::Discarding),
        }
    }

    fn routed(
        &mut self,
        it: &Classified<'_>,
        frame: &mut Frame,
        vid: u16,
        vlan: &VlanEntry,
        outcome: &mut Outcome,
    ) -> Result<Verdict, End> {
        let way = self.route(frame, &it.header, vid, vlan)?;
        match way {
            Way::Stack(_) | Way::Told => {
                if let Way::Stack(class) = way
                    && !self.admit(class)
                {
                    return Err(DropReason::CpuLimited.into());
                }
                self.tag(frame, vid, vlan.svi, it.header.tci)?;
                self.has_netdev(frame.entry, vlan.svi)?;
                self.count(it.port.lport).to_cpu += 1;
                Ok(Verdict::Sent { to: vlan.svi, frame: frame.wire() })
            }
            Way::On(neighbour) => {
                let (mac, vid) = (neighbour.mac, neighbour.vid);
                let vlan = self.vlan(vid).ok_or(DropReason::NoEgress)?;
                match self.find(mac, vid)? {
                    Some(to) => self.unicast(it, frame, vid, to, Some(mac), outcome),
                    None => self.flooded(it, frame, vid, &vlan, Some(mac), outcome),
                }
            }
        }
    }

    fn has_netdev(&self, entry: Entry, lport: Lport) -> Result<(), DropReason> {
        let has = match entry {
            Entry::Xdp => self.tx.contains(&lport),
            Entry::Tcx => self.egress(lport).ifindex != 0,
        };
        if has { Ok(()) } else { Err(DropReason::NoEgress) }
    }

    fn one_hop_on(&mut self, it: &Classified<'_>, frame: &mut Frame, neighbour: [u8; 6]) {
        let router = self.config.router_mac.to_be_bytes();
        router::one_hop_on(frame, &it.header, router[2..].try_into().expect("six"), neighbour);
        self.count(it.port.lport).routed += 1;
    }

    fn unicast(
        &mut self,
        it: &Classified<'_>,
        frame: &mut Frame,
        vid: u16,
        to: Lport,
        neighbour: Option<[u8; 6]>,
        outcome: &mut Outcome,
    ) -> Result<Verdict, End> {
        let group = self.egress(to);
        let (by, egress) = if group.flags & egress_flags::SHARED == 0 {
            (to, group)
        } else {
            let bucket = share_bucket(flow(frame, it));
            let by = self.member(group.group, it.port.lport, bucket).ok_or(DropReason::GroupDown)?;
            (by, self.egress(by))
        };
        if frame.entry == Entry::Xdp && egress.flags & (egress_flags::SLOW | egress_flags::MIRRORED) != 0 {
            return Err(End::Punt);
        }
        let (from, to_slot) = (it.port.slot, by / msm_abi::PORTS_PER_SLOT as u16);
        if to_slot != from.into() && usize::from(to_slot) < SLOTS && usize::from(from) < SLOTS {
            self.fabric(it)?;
        }
        let vlan = self.vlan(vid).expect("it is in it");
        if self.gate(&vlan, to) != GateState::Forwarding {
            return Err(DropReason::EgressGate.into());
        }
        if let Some(mac) = neighbour {
            self.one_hop_on(it, frame, mac);
        }
        self.tag(frame, vid, to, it.header.tci)?;
        if egress.flags & egress_flags::MIRRORED != 0 {
            self.mirror(frame, outcome);
        }
        self.has_netdev(frame.entry, by)?;
        let counters = self.count(by);
        counters.tx_frames += 1;
        counters.tx_bytes += frame.len();
        Ok(Verdict::Sent { to: by, frame: frame.wire() })
    }

    /// Whether the fabric of a frame's flow works.
    fn fabric(&self, it: &Classified<'_>) -> Result<(), DropReason> {
        let bucket = flow_bucket(flow_hash(it.source.0, it.destination.0));
        let index = fabric_bucket_index(it.port.slot, bucket);
        let fabric = self.buckets.get(&index).copied().unwrap_or(0);
        match self.fabrics.get(&fabric).copied().unwrap_or_default() {
            FabricState { present: 0, .. } => Err(DropReason::FabricAbsent),
            FabricState { programmed: 0, .. } => Err(DropReason::FabricUnprogrammed),
            FabricState { .. } => Ok(()),
        }
    }

    /// Gives the frame the form in which `lport` sends it; `tci` is the tag that it has.
    pub(super) fn tag(
        &self,
        frame: &mut Frame,
        vid: u16,
        lport: Lport,
        tci: Option<u16>,
    ) -> Result<(), DropReason> {
        let vlan = self.vlan(vid).expect("it is in it");
        let is_untagged = usize::from(lport) >= PORTS || vlan.is_untagged(lport);
        match tci {
            None if is_untagged => Ok(()),
            Some(_) if is_untagged => frame.pop(),
            _ if !vlan.is_tagged(lport) => Err(DropReason::EgressNotMember),
            None => {
                frame.push(vid);
                Ok(())
            }
            Some(tci) => frame.change(tci, vid),
        }
    }

    fn flooded(
        &mut self,
        it: &Classified<'_>,
        frame: &mut Frame,
        vid: u16,
        vlan: &VlanEntry,
        neighbour: Option<[u8; 6]>,
        outcome: &mut Outcome,
    ) -> Result<Verdict, End> {
        let is_fast = frame.entry == Entry::Xdp;
        if is_fast && vlan.flags & vlan_flags::SLOW_FLOOD != 0 {
            return Err(End::Punt);
        }
        let kind = match it.header.destination {
            BROADCAST => LimitKind::Broadcast,
            mac if is_group(mac) => LimitKind::Multicast,
            _ => LimitKind::Unknown,
        };
        if it.port.flags & port_flags::LIMITED != 0 && self.closed.contains(&(it.port.lport, kind)) {
            return Err(DropReason::RateLimited.into());
        }
        let bucket = share_bucket(flow(frame, it)) as u16;
        let mut flags =
            bucket << header_flags::BUCKET_SHIFT | u16::from(it.port.slot & 15) << header_flags::SLOT_SHIFT;
        if let Some(mac) = neighbour {
            self.one_hop_on(it, frame, mac);
            flags |= header_flags::ROUTED;
        }
        if usize::from(it.port.slot) < SLOTS {
            flags |= match self.fabric(it) {
                Ok(()) => 0,
                Err(DropReason::FabricAbsent) => header_flags::FABRIC_ABSENT,
                Err(_) => header_flags::FABRIC_UNPROGRAMMED,
            };
        }
        let header = FloodHeader { version: HEADER_VERSION, vid, lport: it.port.logical, flags };
        let verdict = if is_fast {
            if frame.reach != frame.bytes.len() {
                return Err(DropReason::FloodFragments.into());
            }
            if !self.sets.contains(&vlan.flood) {
                return Err(DropReason::NoEgress.into());
            }
            let tagged = if it.header.tci.is_some() { header_flags::TAGGED } else { 0 };
            let header = FloodHeader { flags: flags | tagged, ..header };
            Verdict::Flooded { header, frame: frame.bytes.clone() }
        } else {
            self.flood(frame, header, outcome)?;
            Verdict::Copied
        };
        self.count(it.port.lport).flooded += 1;
        Ok(verdict)
    }
}

/// What a flood's header says of where its frame came in by XDP, and of its flow.
pub(crate) fn flow_flags(frame: &[u8], vid: u16, lport: Lport) -> u16 {
    let frame = Frame::xdp(frame);
    let header = frame.header().expect("a whole header");
    let key = |mac| FdbKey::new(mac, vid);
    let port = PortEntry::default();
    let it =
        Classified { port: &port, header, source: key(header.source), destination: key(header.destination) };
    let bucket = share_bucket(flow(&frame, &it)) as u16;
    let slot = lport / msm_abi::PORTS_PER_SLOT as u16;
    bucket << header_flags::BUCKET_SHIFT | slot << header_flags::SLOT_SHIFT
}

/// At the tcx entry of a port with an XDP program, a frame has been seen.
fn first_sight(frame: &Frame, port: &PortEntry) -> bool {
    frame.entry == Entry::Xdp || port.flags & port_flags::TCX != 0
}

/// What chooses a frame's way among equals.
fn flow(frame: &Frame, it: &Classified<'_>) -> u64 {
    if let Some(packet) = router::ipv4(frame, &it.header) {
        router::flow4(packet)
    } else if let Some(packet) = router::ipv6(frame, &it.header) {
        router::flow6(packet)
    } else {
        flow_hash(it.source.0, it.destination.0)
    }
}
