//! A frame, and what of it the programs may look at.

use msm_abi::DropReason;

/// TPIDs that the kernel knows; ours is the first.
const TPID: u16 = 0x8100;
const SERVICE_TPID: u16 = 0x88a8;
pub(super) const VID: u16 = 0x0fff;
const TAG_AT: usize = 12;
const TAG_LEN: usize = 4;

/// Which of the programs looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Xdp,
    Tcx,
}

/// A frame at one of the entries.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) entry: Entry,
    pub(crate) bytes: Vec<u8>,
    /// At tcx: the tag that the kernel has put beside the bytes.
    pub(crate) side: Option<u16>,
    /// How many of the bytes are in reach; the others lie in fragments.
    pub(crate) reach: usize,
    /// At tcx: bytes of TCP's in each of the segments that it is cut into when it is sent; 0 = it goes as it is.
    pub(crate) segment: u16,
}

/// Its Ethernet header, with one tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) destination: [u8; 6],
    pub(crate) source: [u8; 6],
    pub(crate) tci: Option<u16>,
    /// What is behind the tag, and where that begins.
    pub(crate) kind: u16,
    pub(crate) payload: usize,
}

impl Frame {
    /// Whole in reach.
    pub(crate) fn xdp(bytes: &[u8]) -> Self {
        Self { entry: Entry::Xdp, bytes: bytes.to_vec(), side: None, reach: bytes.len(), segment: 0 }
    }

    pub(crate) fn tcx(bytes: &[u8], side: Option<u16>) -> Self {
        Self { entry: Entry::Tcx, side, ..Self::xdp(bytes) }
    }

    pub(crate) fn len(&self) -> u64 {
        (self.bytes.len() + if self.side.is_some() { TAG_LEN } else { 0 }) as u64
    }

    /// As it is on the wire.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if let Some(tci) = self.side {
            insert(&mut bytes, tci);
        }
        bytes
    }

    /// What is in reach from `at` on.
    pub(super) fn from(&self, at: usize) -> &[u8] {
        self.bytes[..self.reach].get(at..).unwrap_or_default()
    }

    pub(super) fn header(&self) -> Result<Header, DropReason> {
        let seen = self.from(0);
        if seen.len() < 14 {
            return Err(DropReason::Truncated);
        }
        let address = |at: usize| seen[at..at + 6].try_into().expect("six");
        let (destination, source) = (address(0), address(6));
        let kind = number(seen, 12);
        // At tcx the tag is beside the frame: one that is in it is a second one.
        if self.entry == Entry::Tcx || kind != TPID {
            return Ok(Header { destination, source, tci: self.side, kind, payload: 14 });
        }
        if seen.len() < 18 {
            return Err(DropReason::Truncated);
        }
        Ok(Header { destination, source, tci: Some(number(seen, 14)), kind: number(seen, 16), payload: 18 })
    }

    pub(super) fn pop(&mut self) -> Result<(), DropReason> {
        match self.entry {
            Entry::Xdp => {
                self.bytes.drain(TAG_AT..TAG_AT + TAG_LEN);
                self.reach -= TAG_LEN;
            }
            Entry::Tcx => {
                // The kernel puts the tag behind it beside the frame, if all of it is there.
                if is_tag(number(&self.bytes, TAG_AT)) && self.bytes.len() < 18 {
                    return Err(DropReason::Truncated);
                }
                self.side = None;
            }
        }
        Ok(())
    }

    pub(super) fn push(&mut self, tci: u16) {
        match self.entry {
            Entry::Xdp => {
                insert(&mut self.bytes, tci);
                self.reach += TAG_LEN;
            }
            Entry::Tcx => self.side = Some(tci),
        }
    }

    /// Another VLAN id in its tag.
    pub(super) fn change(&mut self, tci: u16, vid: u16) -> Result<(), DropReason> {
        if tci & VID != vid {
            self.pop()?;
            self.push(tci & !VID | vid);
        }
        Ok(())
    }
}

/// Whether an EtherType is a tag's, as the kernel has it.
fn is_tag(kind: u16) -> bool {
    [TPID, SERVICE_TPID].contains(&kind)
}

fn insert(bytes: &mut Vec<u8>, tci: u16) {
    let (tpid, tci) = (TPID.to_be_bytes(), tci.to_be_bytes());
    bytes.splice(TAG_AT..TAG_AT, [tpid[0], tpid[1], tci[0], tci[1]]);
}

/// The number of two octets at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
