//! Tag action: how a frame of a VLAN looks on the port it leaves by.

use msm_abi::{DropReason, Lport, PORTS, VlanEntry};

use super::access::opaque;
use super::frame::Frame;

const TAG_LEN: i64 = 4;

/// Gives the frame the tag that `lport` (logical) wants for VLAN `vid`, or takes it away. `tagged` says what it has now. Returns by how many bytes
/// the frame grew.
#[inline(always)]
pub(crate) fn apply<F: Frame>(
    frame: &mut F,
    vid: u16,
    vlan: &VlanEntry,
    lport: Lport,
    tagged: bool,
) -> Result<i64, DropReason> {
    let is_stack = lport >= PORTS as Lport;
    // The compiler must not use here what was compared: the verifier could not follow.
    let lport = opaque(lport.into()) as Lport;
    // Untagged first: the usual frame is done without looking at the other set.
    match (tagged, is_stack || vlan.is_untagged(lport)) {
        (false, true) => Ok(0),
        (true, true) => frame.pop_tag().map(|()| -TAG_LEN),
        (_, false) if !vlan.is_tagged(lport) => Err(DropReason::EgressNotMember),
        (false, false) => frame.push_tag(vid).map(|()| TAG_LEN),
        (true, false) => frame.set_vid(vid).map(|()| 0),
    }
}
