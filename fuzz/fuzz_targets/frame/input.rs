//! An input: how a frame comes in, and the frame.

use crate::reference::{Entry, Frame, checksum};

/// Octets in front of the frame.
pub(crate) const HEAD: usize = 9;
/// Frames at tcx, and padding of others: a page, less what the kernel needs of it, and a jumbo frame.
const PAGE: usize = 3200;
const JUMBO: u16 = 9216;

/// What is in the first nine octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// Index of the netdev that it comes in by, modulo their number.
    pub(crate) port: usize,
    pub(crate) tcx: bool,
    /// It comes twice, the second time to a switch that has seen it.
    pub(crate) twice: bool,
    /// Which access list is in force; 0 = none.
    pub(crate) acl: usize,
    /// How the first fabric is.
    pub(crate) fabric: usize,
    /// There is no room for one more station.
    pub(crate) full: bool,
    /// Its IPv4 checksum is made good, which no mutation would.
    mend: bool,
    /// XDP: octets of metadata in front of it, of another's making.
    pub(crate) metadata: usize,
    /// Tcx: it has a tag beside it.
    side: Option<u16>,
    /// XDP: of the frame, octets outside fragments; 0 = as many as can be.
    pub(crate) linear: usize,
    /// Zeros behind it.
    padding: u16,
    /// Tcx: octets of each segment.
    segment: u16,
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// `None` if it is too short.
    pub(crate) fn of(input: &'a [u8]) -> Option<Self> {
        let (head, bytes) = input.split_first_chunk::<HEAD>()?;
        let &[port, how, more, tag_high, tag_low, padding_high, padding_low, segment_high, segment_low] =
            head;
        let tcx = how & 1 != 0;
        let side = (tcx && more & 1 != 0).then_some(u16::from_be_bytes([tag_high, tag_low]));
        Some(Self {
            port: port.into(),
            tcx,
            twice: how & 2 != 0,
            acl: usize::from(how >> 2 & 3) % 3,
            fabric: usize::from(how >> 4 & 3) % 3,
            full: how & 64 != 0,
            mend: how & 128 != 0,
            metadata: if tcx { 0 } else { [0, 4, 8, 32][usize::from(more & 3)] },
            side,
            linear: if tcx || more < 4 { 0 } else { 12 + 2 * usize::from(more >> 2) },
            padding: u16::from_be_bytes([padding_high, padding_low]),
            segment: if tcx { u16::from_be_bytes([segment_high, segment_low]) } else { 0 },
            bytes,
        })
    }

    /// The frame, if the kernel lets a program run for it.
    pub(crate) fn frame(&self) -> Option<Frame> {
        let mut bytes = self.bytes.to_vec();
        let padding = usize::from(self.padding % (JUMBO + 1));
        let len = bytes.len() + padding;
        bytes.resize(if self.tcx { len.min(PAGE) } else { len }, 0);
        if bytes.len() < 14 {
            return None;
        }
        if self.mend {
            mend(&mut bytes);
        }
        if !self.tcx {
            return Some(Frame::xdp(&bytes));
        }
        // net/bpf/test_run.c: bpf_prog_test_run_skb.
        let refused = match bytes[12..14] {
            [0x08, 0x00] => bytes.len() < 14 + 20,
            [0x86, 0xdd] => bytes.len() < 14 + 40,
            _ => false,
        };
        let frame = Frame { segment: self.segment, ..Frame::tcx(&bytes, self.side) };
        assert_eq!(frame.entry, Entry::Tcx);
        (!refused).then_some(frame)
    }
}

fn mend(bytes: &mut [u8]) {
    let at = if bytes[12..14] == [0x81, 0] { 18 } else { 14 };
    if bytes.len() >= at + 20 && bytes[at - 2..at] == [0x08, 0] {
        let sum = checksum(&bytes[at..at + 20]);
        bytes[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
    }
}
