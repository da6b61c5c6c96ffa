//! Copies of a flooded frame, at each member of its VLAN.

use msm_abi::{
    CpuClass, DropReason, FloodHeader, GateState, Lport, PORTS, PortEntry, egress_flags, header_flags,
    port_flags,
};

use super::frame::{Frame, VID};
use super::router;
use super::switch::Outcome;
use super::tables::Switch;

/// Whether a fabric carried a copy with these flags to a port.
fn reached(port: &PortEntry, flags: u16) -> Result<(), DropReason> {
    let home =
        flags >> header_flags::SLOT_SHIFT & 0xf == u16::from(port.slot) || port.flags & port_flags::SVI != 0;
    if home {
        Ok(())
    } else if flags & header_flags::FABRIC_ABSENT != 0 {
        Err(DropReason::FabricAbsent)
    } else if flags & header_flags::FABRIC_UNPROGRAMMED != 0 {
        Err(DropReason::FabricUnprogrammed)
    } else {
        Ok(())
    }
}

fn bucket(flags: u16) -> u32 {
    u32::from(flags >> header_flags::BUCKET_SHIFT)
}

impl Switch {
    /// By XDP: the copy at the port of netdev `ifindex`, as it leaves or not.
    pub(crate) fn leave(
        &mut self,
        ifindex: u32,
        frame: &[u8],
        header: FloodHeader,
    ) -> Result<Vec<u8>, DropReason> {
        let port = self.ports[&ifindex];
        let done = self.copy(&port, frame, header);
        let counters = self.count(port.lport);
        match &done {
            Ok(_) => counters.tx_flood_copies += 1,
            Err(reason) => counters.drops[*reason as usize] += 1,
        }
        done
    }

    fn copy(&mut self, port: &PortEntry, frame: &[u8], header: FloodHeader) -> Result<Vec<u8>, DropReason> {
        if port.flags & port_flags::ENABLED == 0 {
            return Err(DropReason::PortDisabled);
        }
        let vlan = self.vlan(header.vid).ok_or(DropReason::EgressNotMember)?;
        reached(port, header.flags)?;
        if port.flags & port_flags::GROUPED != 0 {
            let is_back = header.lport == port.logical && header.flags & header_flags::ROUTED == 0;
            let group = self.egress(port.logical).group;
            if is_back {
                return Err(DropReason::OtherMember);
            }
            let member =
                self.member(group, header.lport, bucket(header.flags)).ok_or(DropReason::GroupDown)?;
            if member != port.lport {
                return Err(DropReason::OtherMember);
            }
        }
        let mut frame = Frame::xdp(frame);
        if port.flags & port_flags::SVI != 0 {
            if vlan.svi != port.lport {
                return Err(DropReason::EgressNotMember);
            }
            let class = router::class(&frame, &frame.header()?, CpuClass::Flood);
            if !self.admit(class) {
                return Err(DropReason::CpuLimited);
            }
        }
        if self.gate(&vlan, port.logical) != GateState::Forwarding {
            return Err(DropReason::EgressGate);
        }
        let tci = if header.flags & header_flags::TAGGED == 0 { None } else { frame.header()?.tci };
        self.tag(&mut frame, header.vid, port.logical, tci)?;
        Ok(frame.bytes)
    }

    /// By tcx: to all members in turn.
    pub(super) fn flood(
        &mut self,
        frame: &mut Frame,
        header: FloodHeader,
        outcome: &mut Outcome,
    ) -> Result<(), DropReason> {
        let vlan = self.vlan(header.vid).expect("it is in it");
        let priority = frame.side.unwrap_or(0) & !VID;
        if frame.side.is_some() {
            frame.pop()?;
        }
        for member in (0..PORTS as Lport).filter(|port| vlan.is_untagged(*port)) {
            self.send_to(frame, header, member, outcome);
        }
        if vlan.svi != 0 && vlan.svi != header.lport {
            let class = router::class(frame, &frame.header()?, CpuClass::Flood);
            if self.admit(class) {
                self.send_to(frame, header, vlan.svi, outcome);
            }
        }
        frame.push(priority | header.vid);
        for member in (0..PORTS as Lport).filter(|port| vlan.is_tagged(*port)) {
            self.send_to(frame, header, member, outcome);
        }
        Ok(())
    }

    fn send_to(&mut self, frame: &Frame, header: FloodHeader, member: Lport, outcome: &mut Outcome) {
        if member == header.lport && header.flags & header_flags::ROUTED == 0 {
            return;
        }
        let group = self.egress(member);
        let port = if group.flags & egress_flags::SHARED == 0 {
            Some(member)
        } else {
            self.member(group.group, header.lport, bucket(header.flags))
        };
        let Some(port) = port else { return };
        match self.to_port(header, member, port) {
            Ok(()) => {
                self.count(port).tx_flood_copies += 1;
                outcome.copies.push((port, frame.wire()));
                if self.egress(port).flags & egress_flags::MIRRORED != 0 {
                    self.mirror(frame, outcome);
                }
            }
            Err(reason) => self.count(port).drops[reason as usize] += 1,
        }
    }

    fn to_port(&self, header: FloodHeader, member: Lport, port: Lport) -> Result<(), DropReason> {
        let netdev = self.ports.get(&self.egress(port).ifindex).ok_or(DropReason::PortDisabled)?;
        reached(netdev, header.flags)?;
        let vlan = self.vlan(header.vid).expect("it is in it");
        if self.gate(&vlan, member) != GateState::Forwarding {
            return Err(DropReason::EgressGate);
        }
        Ok(())
    }

    /// A copy as it is, to where mirrored frames go.
    pub(super) fn mirror(&self, frame: &Frame, outcome: &mut Outcome) {
        if let Some(port) = self.config.mirror.checked_sub(1)
            && self.egress(port as Lport).ifindex != 0
        {
            outcome.copies.push((port as Lport, frame.wire()));
        }
    }
}
