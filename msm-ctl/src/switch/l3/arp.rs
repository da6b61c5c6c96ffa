//! Subsystem ARP of T-sync: the master's neighbours on their way to the slave, and as the slave has them.
//!
//! A piece, and a change, is a list of neighbours as they are when it is made. So a neighbour that changes while pieces travel is told
//! again behind them, and whatever order the two are made in, the later word is the newer one.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use msm_proto::Reason;
use tracing::info;

use super::names;
use crate::netlink::{MAX_NEIGHBOURS, Neighbour, View, nud};

/// First octet of a list: the form of what follows.
const LIST: u8 = 1;
/// Neighbours of a list: an entry has 26 octets at most, a list 64 KiB.
pub(super) const LIST_LEN: usize = 2_000;

/// Questions of the machine that wait: it asks for one piece at a time, and subscribes once a session.
pub(crate) const ASKS: usize = 16;

/// What the machine asks for, as master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// From now on changes are told, and pieces begin anew.
    Subscribe,
    /// The next piece.
    Next,
    /// Changes are not wanted any more.
    Unsubscribe,
}

/// How a neighbour came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It was heard of.
    Learned = 1,
    /// The same, and the kernel keeps it resolved for us.
    Managed = 2,
    /// Somebody has placed it.
    Static = 3,
}

/// Where a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    mac: [u8; 6],
    kind: Kind,
}

/// A neighbour of a VLAN; without a station it is no more.
type Item = ((u16, IpAddr), Option<Known>);

/// What T-sync tells of a neighbour: one that is not resolved is none.
fn known(neighbour: &Neighbour) -> Option<Known> {
    let mac = neighbour.mac.filter(|mac| neighbour.state & nud::VALID != 0 && *mac != [0; 6])?;
    let kind = match neighbour.state {
        state if state & nud::PERMANENT != 0 => Kind::Static,
        _ if neighbour.managed => Kind::Managed,
        _ => Kind::Learned,
    };
    Some(Known { mac, kind })
}

fn encode(items: impl Iterator<Item = Item>) -> Vec<u8> {
    let mut bytes = vec![LIST];
    for ((vid, address), known) in items {
        bytes.extend(vid.to_be_bytes());
        match address {
            IpAddr::V4(address) => {
                bytes.push(4);
                bytes.extend(address.octets());
            }
            IpAddr::V6(address) => {
                bytes.push(6);
                bytes.extend(address.octets());
            }
        }
        match known {
            Some(known) => {
                bytes.push(known.kind as u8);
                bytes.extend(known.mac);
            }
            None => bytes.push(0),
        }
    }
    bytes
}

/// Takes `N` octets from the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

fn item(bytes: &mut &[u8]) -> Option<Item> {
    let vid = u16::from_be_bytes(take(bytes)?);
    let address = match take::<1>(bytes)? {
        [4] => IpAddr::V4(Ipv4Addr::from(take::<4>(bytes)?)),
        [6] => IpAddr::V6(Ipv6Addr::from(take::<16>(bytes)?)),
        _ => return None,
    };
    let kind = match take::<1>(bytes)? {
        [0] => return Some(((vid, address), None)),
        [1] => Kind::Learned,
        [2] => Kind::Managed,
        [3] => Kind::Static,
        _ => return None,
    };
    Some(((vid, address), Some(Known { mac: take(bytes)?, kind })))
}

/// The master's side: what is to be told yet.
#[derive(Default)]
pub(super) struct Telling {
    subscribed: bool,
    /// A piece is asked for.
    asked: bool,
    /// Pieces that were asked for before who asked began anew: each is answered, by an empty one.
    void: u32,
    /// There was a piece. What changes before it is in it, or in one behind it, and nobody listens.
    begun: bool,
    /// Who has been in no piece yet.
    left: Vec<(u32, IpAddr)>,
    /// Who has changed and was not told of.
    changed: HashSet<(u32, IpAddr)>,
}

/// What is told next.
pub(super) enum Told {
    /// A piece.
    Piece {
        /// It.
        bytes: Vec<u8>,
        /// There are no more.
        last: bool,
    },
    /// Changes.
    Changes(Vec<u8>),
}

impl Telling {
    /// The machine asks.
    pub(super) fn ask(&mut self, ask: Ask, view: &View) {
        match ask {
            Ask::Subscribe => {
                *self = Self { subscribed: true, void: self.void + u32::from(self.asked), ..Self::default() };
                view.neighbours(&mut |neighbour| {
                    if names::of_outer(neighbour.ifindex).is_some() {
                        self.left.push((neighbour.ifindex, neighbour.address));
                    }
                });
            }
            Ask::Next => self.asked = true,
            Ask::Unsubscribe => {
                *self = Self { void: self.void + u32::from(self.asked), ..Self::default() };
            }
        }
    }

    /// A neighbour has changed.
    pub(super) fn changed(&mut self, key: (u32, IpAddr)) {
        if self.subscribed && names::of_outer(key.0).is_some() {
            self.changed.insert(key);
        }
    }

    /// Whether there is something to tell.
    pub(super) fn has_word(&self) -> bool {
        self.void > 0 || self.asked || (self.begun && !self.changed.is_empty())
    }

    /// What is told next; `vlan` of an interface's netdev.
    pub(super) fn word(&mut self, view: &View, vlan: impl Fn(u32) -> Option<u16>) -> Told {
        let now = |(ifindex, address): (u32, IpAddr)| {
            let neighbour = view.neighbour(ifindex, address);
            Some(((vlan(ifindex)?, address), neighbour.as_ref().and_then(known)))
        };
        if self.void > 0 {
            self.void -= 1;
            return Told::Piece { bytes: encode(std::iter::empty()), last: false };
        }
        if self.asked {
            (self.asked, self.begun) = (false, true);
            let first = self.left.len().saturating_sub(LIST_LEN);
            let some = self.left.split_off(first);
            let items = some.into_iter().filter_map(now).filter(|(_, known)| known.is_some());
            return Told::Piece { bytes: encode(items), last: self.left.is_empty() };
        }
        let some: Vec<(u32, IpAddr)> = self.changed.iter().take(LIST_LEN).copied().collect();
        some.iter().for_each(|key| {
            self.changed.remove(key);
        });
        Told::Changes(encode(some.into_iter().filter_map(now)))
    }
}

/// The slave's side: the master's neighbours.
#[derive(Default)]
pub(crate) struct Held {
    neighbours: BTreeMap<(u16, IpAddr), Known>,
}

impl Held {
    /// Takes a list; `first`: what was there before is void.
    ///
    /// # Errors
    /// Why the subsystem fails.
    pub(crate) fn take(&mut self, bytes: &[u8], first: bool) -> Result<(), (Reason, String)> {
        if first {
            self.neighbours.clear();
        }
        let malformed = || (Reason::InvalidSubtype, "a list of neighbours of an unknown form".to_owned());
        let Some((&LIST, mut rest)) = bytes.split_first() else { return Err(malformed()) };
        while !rest.is_empty() {
            match item(&mut rest).ok_or_else(malformed)? {
                (key, Some(known)) => self.neighbours.insert(key, known),
                (key, None) => self.neighbours.remove(&key),
            };
            if self.neighbours.len() > MAX_NEIGHBOURS {
                self.neighbours.clear();
                return Err((Reason::Memory, format!("more than {MAX_NEIGHBOURS} neighbours")));
            }
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// Looks which of them the kernel has, and says so: whom it has is linked again, whom it has not is gone with the routes that are put
    /// into the tables next. `netdev` of a VLAN's interface.
    pub(crate) fn link(self, view: &View, netdev: impl Fn(u16) -> Option<u32>) {
        let total = self.neighbours.len();
        let linked = self.neighbours.into_iter().filter(|((vid, address), was)| {
            let neighbour = netdev(*vid).and_then(|ifindex| view.neighbour(ifindex, *address));
            neighbour.as_ref().and_then(known).is_some_and(|is| is.mac == was.mac)
        });
        let linked = linked.count();
        info!(target: "msm.failover", "ARP: {linked} of the old master's {total} neighbours linked, the others are gone or elsewhere");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour(number: u8, state: u16, managed: bool) -> Neighbour {
        let address = IpAddr::from([10, 1, 0, number]);
        Neighbour {
            ifindex: 20_000,
            address,
            mac: Some([2, 0, 0, 0, 0, number]),
            state,
            protocol: 0,
            managed,
        }
    }

    fn vlan(ifindex: u32) -> Option<u16> {
        (ifindex == 20_000).then_some(10)
    }

    /// Everything that is to be told, told to `held`; pieces and changes.
    fn tell(telling: &mut Telling, view: &View, held: &mut Held) -> (usize, usize) {
        let (mut pieces, mut changes, mut last) = (0, 0, telling.left.is_empty() && !telling.asked);
        while !last || telling.has_word() {
            if !last && !telling.asked {
                telling.ask(Ask::Next, view);
            }
            match telling.word(view, vlan) {
                Told::Piece { bytes, last: end } => {
                    assert!(bytes.len() <= msm_proto::ITEMS_MAX);
                    held.take(&bytes, pieces == 0).expect("a piece");
                    pieces += 1;
                    last = end;
                }
                Told::Changes(bytes) => {
                    held.take(&bytes, false).expect("changes");
                    changes += 1;
                }
            }
        }
        (pieces, changes)
    }

    #[test]
    fn a_slave_has_what_the_master_has_however_much_changes_meanwhile() {
        let view = View::default();
        let put = |n: u32, mac: u8| {
            let address = IpAddr::from(Ipv4Addr::from(0x0a01_0000 + n));
            let neighbour = Neighbour { address, ..neighbour(mac, nud::REACHABLE, n.is_multiple_of(2)) };
            view.hear_of(&neighbour, true);
            (20_000, address)
        };
        for n in 0..5_000 {
            put(n, 1);
        }
        let (mut telling, mut held) = (Telling::default(), Held::default());
        telling.ask(Ask::Subscribe, &view);
        telling.ask(Ask::Next, &view);
        let Told::Piece { bytes, last: false } = telling.word(&view, vlan) else { panic!("a piece") };
        held.take(&bytes, true).expect("a piece");
        // One that was told, one that was not, one that comes, one that goes.
        for (n, mac) in [(4_999, 7), (0, 7), (6_000, 7)] {
            telling.changed(put(n, mac));
        }
        let gone = IpAddr::from(Ipv4Addr::from(0x0a01_0000 + 4_998));
        view.hear_of(&Neighbour { address: gone, ..neighbour(1, nud::REACHABLE, false) }, false);
        telling.changed((20_000, gone));
        let mut pieces = 1;
        while telling.has_word() || !telling.left.is_empty() {
            if !telling.has_word() {
                telling.ask(Ask::Next, &view);
            }
            match telling.word(&view, vlan) {
                Told::Piece { bytes, .. } => {
                    held.take(&bytes, false).expect("a piece");
                    pieces += 1;
                }
                Told::Changes(bytes) => held.take(&bytes, false).expect("changes"),
            }
        }
        assert_eq!((pieces, held.len()), (3, 5_000));
        let mut same = 0;
        view.neighbours(&mut |is| {
            same += usize::from(held.neighbours.get(&(10, is.address)).copied() == known(is));
        });
        assert_eq!(same, 5_000);
        assert_eq!(held.neighbours[&(10, IpAddr::from([10, 1, 0, 0]))].kind, Kind::Managed);
    }

    #[test]
    fn who_begins_anew_misses_nothing() {
        let view = View::default();
        view.hear_of(&neighbour(1, nud::REACHABLE, false), true);
        let mut telling = Telling::default();
        telling.ask(Ask::Subscribe, &view);
        telling.ask(Ask::Next, &view);
        telling.ask(Ask::Unsubscribe, &view);
        telling.ask(Ask::Subscribe, &view);
        // One that comes before the first piece is told behind it.
        view.hear_of(&neighbour(2, nud::REACHABLE, false), true);
        telling.changed((20_000, IpAddr::from([10, 1, 0, 2])));
        let Told::Piece { bytes, last: false } = telling.word(&view, vlan) else { panic!("an answer") };
        assert_eq!(bytes, [LIST], "to who is not there any more");
        assert!(!telling.has_word(), "nobody listens before the first piece");
        telling.ask(Ask::Next, &view);
        let mut held = Held::default();
        let Told::Piece { bytes, last: true } = telling.word(&view, vlan) else { panic!("a piece") };
        held.take(&bytes, true).expect("a piece");
        let Told::Changes(bytes) = telling.word(&view, vlan) else { panic!("a change") };
        held.take(&bytes, false).expect("a change");
        assert!(held.len() == 2 && !telling.has_word());
    }

    #[test]
    fn what_is_not_resolved_or_not_a_vlans_is_not_told() {
        let view = View::default();
        for neighbour in [
            neighbour(1, nud::INCOMPLETE, false),
            neighbour(2, nud::PERMANENT, false),
            Neighbour { ifindex: 7, ..neighbour(3, nud::REACHABLE, false) },
        ] {
            view.hear_of(&neighbour, true);
        }
        let (mut telling, mut held) = (Telling::default(), Held::default());
        telling.changed((20_000, IpAddr::from([10, 1, 0, 1])));
        assert!(!telling.has_word(), "nobody has asked");
        telling.ask(Ask::Subscribe, &view);
        telling.ask(Ask::Next, &view);
        assert_eq!(tell(&mut telling, &view, &mut held), (1, 0));
        assert_eq!(held.neighbours.values().map(|known| known.kind).collect::<Vec<_>>(), [Kind::Static]);
    }

    #[test]
    fn a_list_of_another_form_fails_the_subsystem_by_name() {
        let mut held = Held::default();
        for bytes in [
            &[][..],
            &[2],
            &[1, 0],
            &[1, 0, 10, 5, 0, 0, 0, 0],
            &[1, 0, 10, 4, 10, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(
                held.take(bytes, false).expect_err("malformed").0,
                Reason::InvalidSubtype,
                "{bytes:?}"
            );
        }
        held.take(&[1], true).expect("nobody is a list, too");
    }
}
