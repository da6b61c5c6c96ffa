//! The bare redirect: the least that any switch in XDP does, and so the limit that this one is measured against.

use aya_ebpf::bindings::xdp_action::XDP_DROP;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::DevMap;
use aya_ebpf::programs::XdpContext;

#[map]
static BARE_TX: DevMap = DevMap::with_max_entries(1, 0);

/// `bpf_redirect_map` on an array devmap, constant key, no egress program.
#[xdp(frags)]
pub(crate) fn bare(_: XdpContext) -> u32 {
    BARE_TX.redirect(0, 0).unwrap_or(XDP_DROP)
}
