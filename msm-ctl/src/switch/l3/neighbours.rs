//! Neighbours that VLANs' interfaces have learned: what may be forgotten, since the wire tells again.

use std::net::IpAddr;

use super::names;
use crate::netlink::{Neighbour, View, nud};

/// Those of an interface of ours that nobody has placed, and that `meant` is true of.
pub(crate) fn learned(view: &View, meant: impl Fn(&Neighbour) -> bool) -> Vec<(u32, IpAddr)> {
    let mut learned = Vec::new();
    view.neighbours(&mut |neighbour| {
        if names::of_outer(neighbour.ifindex).is_some()
            && neighbour.state & (nud::PERMANENT | nud::NOARP) == 0
            && meant(neighbour)
        {
            learned.push((neighbour.ifindex, neighbour.address));
        }
    });
    learned
}
