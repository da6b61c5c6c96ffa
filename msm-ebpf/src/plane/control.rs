//! Control addresses: frames that speak to switches. Their defaults are in the code, exceptions in a table.

use msm_abi::{ControlAction, ControlKey, DropReason};

use super::access::shared;
use super::maps::CONTROL;
use super::parse::Mac;

/// 01:80:c2:00:00:00 to 0f (IEEE 802.1Q-2018 8.6.3), without the last four bits.
const RESERVED: u64 = 0x0018_0C20_0000;
/// 00:e0:2b:00:00:xx, EDP, EAPS and ESRP, without the last octet.
const EXTREME: u64 = 0x0000_E02B_0000;

/// What kind of control address it is, with the action it has by default.
#[inline(always)]
fn default_action(mac: Mac) -> Option<ControlAction> {
    if mac.0 >> 4 == RESERVED {
        Some(ControlAction::Discard)
    } else if mac.0 >> 8 == EXTREME {
        Some(ControlAction::Forward)
    } else {
        None
    }
}

/// True for an address that is never learned.
#[inline(always)]
pub(crate) fn is_control(mac: Mac) -> bool {
    default_action(mac).is_some()
}

/// What becomes of a frame by its destination.
pub(crate) enum Control {
    /// Nothing special: it is no control address.
    None,
    /// It goes on like one to a group address.
    Forward,
    /// To the ring of this class, and on if said so.
    Trap { class: u32, forward: bool },
}

/// Looks whether the frame is for a control address, in VLAN `vid` or in any.
#[inline(always)]
pub(crate) fn admit(destination: Mac, vid: u16) -> Result<Control, DropReason> {
    let Some(default) = default_action(destination) else { return Ok(Control::None) };
    let word = entry(destination, vid).or_else(|| entry(destination, 0)).unwrap_or(default as u64);
    let (action, class) = (word as u32, (word >> 32) as u32);
    if action == ControlAction::Forward as u32 {
        Ok(Control::Forward)
    } else if action == ControlAction::Trap as u32 || action == ControlAction::TrapAndForward as u32 {
        Ok(Control::Trap { class, forward: action == ControlAction::TrapAndForward as u32 })
    } else {
        Err(DropReason::Control)
    }
}

#[inline(always)]
fn entry(mac: Mac, vid: u16) -> Option<u64> {
    let key = ControlKey { mac: mac.octets(), vid, protocol: 0, pad: [0; 6] };
    // SAFETY: atomics; another key's action for one frame is what a change of the table at this instant would give too.
    let value = unsafe { shared(CONTROL.get_ptr(key)) }?;
    Some(value.load())
}
