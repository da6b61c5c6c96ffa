//! Transmission of unicast: to one port, without metadata, so that the egress program lets it pass at once.

use msm_abi::{DropReason, Lport};

use super::count;
use super::maps::TX;

/// What the redirect helper returns if it finds no netdev; we count and drop then.
const ABORT: u64 = 0;

/// Hands the frame, now `len` bytes long, to the netdev of `to`.
#[inline(always)]
pub(crate) fn unicast(to: Lport, len: u64) -> Result<(), DropReason> {
    if TX.redirect(u32::from(to), ABORT).is_err() {
        return Err(DropReason::NoEgress);
    }
    count::of(u32::from(to), |port| {
        port.tx_frames += 1;
        port.tx_bytes += len;
    });
    Ok(())
}
