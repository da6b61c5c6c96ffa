//! Names and indices of the interfaces that VLANs with an address have.
//!
//! A pair of veths each: the outer end is the VLAN as Linux and its routing suite see it, the inner end is a port of the switch. Both are
//! known by their ifindex, which is the interface's number from a base: names follow the VLAN's id, and ids may change. The bases differ,
//! so that the loss of carrier is told at once, and both lie below the port table's limit.

use msm_abi::{IFINDEX_LIMIT, SVIS};

/// Ifindex of the outer end of interface 0.
const OUTER: u32 = 20_000;
/// Ifindex of the inner end of interface 0.
const INNER: u32 = 21_000;
const _: () = assert!(OUTER + SVIS as u32 <= INNER && INNER + SVIS as u32 <= IFINDEX_LIMIT);

/// RTPROT_* of what the configuration places in the kernel.
pub(crate) const PROTOCOL: u8 = crate::netlink::OURS;

/// Priority of a route that loses to every other of its prefix: a metric has 16 bits.
pub(crate) const LAST_PRIORITY: u32 = 65_536;

/// Ifindex of the outer end.
pub(crate) fn outer(number: u16) -> u32 {
    OUTER + u32::from(number)
}

/// Ifindex of the inner end.
pub(crate) fn inner(number: u16) -> u32 {
    INNER + u32::from(number)
}

/// Name of the outer end.
pub(crate) fn outer_name(vid: u16) -> String {
    format!("v{vid}")
}

/// Name of the inner end.
pub(crate) fn inner_name(vid: u16) -> String {
    format!("vi{vid}")
}

/// The interface whose outer end has that ifindex.
pub(crate) fn of_outer(ifindex: u32) -> Option<u16> {
    number(ifindex, OUTER)
}

/// The interface whose inner end has that ifindex.
pub(crate) fn of_inner(ifindex: u32) -> Option<u16> {
    number(ifindex, INNER)
}

fn number(ifindex: u32, base: u32) -> Option<u16> {
    let number = u16::try_from(ifindex.checked_sub(base)?).ok()?;
    (usize::from(number) < SVIS).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ifindex_is_of_one_end_of_one_interface() {
        assert_eq!((of_outer(outer(511)), of_inner(inner(0))), (Some(511), Some(0)));
        assert_eq!(
            (of_outer(outer(512)), of_outer(inner(0)), of_inner(outer(0)), of_outer(1001)),
            (None, None, None, None)
        );
    }
}
