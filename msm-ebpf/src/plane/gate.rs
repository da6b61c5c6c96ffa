//! Gates: what a loop protocol lets through a port (IEEE 802.1Q-2018 8.4), and for how long its word holds.

use msm_abi::{DOMAINS, DropReason, GateState, Lport, PORTS, gate_index};

use super::classify::Vlan;
use super::clock::Now;
use super::maps::GATES;

/// State of the gate of `lport` in this VLAN's domain. Domain 0 has no gate. Past its time a gate is discarding: its
/// protocol no longer speaks, and a bridge that forwards but does not speak makes the loop it should prevent.
#[inline(always)]
pub(crate) fn state(vlan: &Vlan, lport: Lport, now: Now) -> GateState {
    let domain = vlan.entry.domain;
    // The stack is behind no gate.
    if domain == 0 || lport >= PORTS as Lport {
        return GateState::Forwarding;
    }
    if domain >= DOMAINS as u32 {
        return GateState::Discarding;
    }
    let Some(gate) = GATES.get(gate_index(domain, lport)) else { return GateState::Discarding };
    if gate.valid_until_ns != 0 && now.ns() > gate.valid_until_ns {
        GateState::Discarding
    } else if gate.state == GateState::Forwarding as u32 {
        GateState::Forwarding
    } else if gate.state == GateState::Learning as u32 {
        GateState::Learning
    } else {
        GateState::Discarding
    }
}

/// Whether a gate in this state forwards; `reason` says which gate it is.
#[inline(always)]
pub(crate) fn forwards(state: GateState, reason: DropReason) -> Result<(), DropReason> {
    if state == GateState::Forwarding { Ok(()) } else { Err(reason) }
}
