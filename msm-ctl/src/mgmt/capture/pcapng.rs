//! pcapng (draft-ietf-opsawg-pcapng): a section, one interface, its frames.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use msm_abi::{CAPTURE_SNAP, CaptureDirection};
use msm_dataplane::CapturedFrame;

use crate::process::monotonic_ns;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// Says which end of a word comes first.
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
/// The section's length is not said.
const UNKNOWN_LENGTH: u64 = u64::MAX;
const LINKTYPE_ETHERNET: u16 = 1;

const OPT_END: u16 = 0;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
/// 10 to the minus ninth of a second.
const NANOSECONDS: u8 = 9;
/// Lowest bits of `epb_flags`.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Where the wall clock stands in kernel time. Read once a capture: a clock that is set meanwhile does not tear it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Wall clock less kernel time, ns.
    offset_ns: u64,
}

impl Clock {
    /// As the clocks are now.
    pub(crate) fn now() -> Self {
        let before = monotonic_ns();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let kernel = before.midpoint(monotonic_ns());
        Self { offset_ns: u64::try_from(wall).unwrap_or(u64::MAX).saturating_sub(kernel) }
    }

    /// ns since 1970.
    fn wall_ns(self, kernel_ns: u64) -> u64 {
        self.offset_ns.saturating_add(kernel_ns)
    }
}

/// Writes a capture. Blocks are written whole, so that a file that ends early can be read up to there.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    out: W,
    clock: Clock,
}

impl<W: Write> Writer<W> {
    /// Begins a file about one port: `port` as operators write it, `netdev` as the system does.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn new(mut out: W, clock: Clock, port: &str, netdev: &str) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend(BYTE_ORDER.to_le_bytes());
        section.extend([1, 0, 0, 0]); // version 1.0
        section.extend(UNKNOWN_LENGTH.to_le_bytes());
        option(&mut section, SHB_USERAPPL, concat!("msm-ctl ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut section, OPT_END, &[]);
        block(&mut out, SECTION_HEADER, &section)?;

        let mut interface = Vec::new();
        interface.extend(LINKTYPE_ETHERNET.to_le_bytes());
        interface.extend([0, 0]);
        interface.extend(u32::try_from(CAPTURE_SNAP).unwrap_or(0).to_le_bytes());
        option(&mut interface, IF_NAME, port.as_bytes());
        option(&mut interface, IF_DESCRIPTION, netdev.as_bytes());
        option(&mut interface, IF_TSRESOL, &[NANOSECONDS]);
        option(&mut interface, OPT_END, &[]);
        block(&mut out, INTERFACE, &interface)?;
        Ok(Self { out, clock })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn frame(&mut self, frame: &CapturedFrame) -> io::Result<()> {
        let time = self.clock.wall_ns(frame.time_ns);
        let captured = u32::try_from(frame.bytes.len()).map_err(io::Error::other)?;
        let mut body = Vec::with_capacity(frame.bytes.len() + 40);
        body.extend(0u32.to_le_bytes()); // the interface
        body.extend(((time >> 32) as u32).to_le_bytes());
        body.extend((time as u32).to_le_bytes());
        body.extend(captured.to_le_bytes());
        body.extend(frame.len.to_le_bytes());
        body.extend(&frame.bytes);
        pad(&mut body);
        let flags = match frame.direction {
            CaptureDirection::Received => INBOUND,
            CaptureDirection::Sent => OUTBOUND,
        };
        option(&mut body, EPB_FLAGS, &flags.to_le_bytes());
        option(&mut body, OPT_END, &[]);
        block(&mut self.out, ENHANCED_PACKET, &body)
    }

    /// The output, with everything that was written.
    pub(crate) fn written(&mut self) -> &mut W {
        &mut self.out
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Adds an option. Names are cut where an option ends.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Writes a block in one piece; its body is a multiple of four.
fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = u32::try_from(body.len() + 12).map_err(io::Error::other)?.to_le_bytes();
    let whole = [&kind.to_le_bytes(), &total, body, &total].concat();
    out.write_all(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that believes nothing: the blocks of a file, kind and body.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let total = word(file, 4) as usize;
            assert!(total.is_multiple_of(4) && total >= 12 && total <= file.len());
            assert_eq!(word(file, total - 4) as usize, total, "the length stands at both ends");
            blocks.push((word(file, 0), file[8..total - 4].to_vec()));
            file = &file[total..];
        }
        blocks
    }

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut options = Vec::new();
        loop {
            let (code, len) = (word(bytes, 0) as u16, (word(bytes, 0) >> 16) as usize);
            if code == OPT_END {
                assert_eq!((len, bytes.len()), (0, 4), "the end is the end");
                return options;
            }
            options.push((code, bytes[4..4 + len].to_vec()));
            bytes = &bytes[4 + len.next_multiple_of(4)..];
        }
    }

    #[test]
    fn a_file_says_what_was_seen() {
        let clock = Clock { offset_ns: 1_700_000_000_000_000_000 };
        let mut writer = Writer::new(Vec::new(), clock, "1:1", "s1p1").expect("memory");
        let frames =
            [(60u32, CaptureDirection::Received), (1517, CaptureDirection::Sent)].map(|(len, direction)| {
                CapturedFrame { time_ns: 5_000_000_001, direction, len, bytes: vec![len as u8; len as usize] }
            });
        frames.iter().for_each(|frame| writer.frame(frame).expect("memory"));
        let cut = CapturedFrame { len: 9000, ..frames[0].clone() };
        writer.frame(&cut).expect("memory");
        let file = std::mem::take(writer.written());

        let blocks = blocks(&file);
        assert_eq!(blocks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0A0D_0D0A, 1, 6, 6, 6]);
        let section = &blocks[0].1;
        assert_eq!((word(section, 0), word(section, 4)), (BYTE_ORDER, 1));
        let interface = &blocks[1].1;
        assert_eq!((word(interface, 0), word(interface, 4)), (1, 2024), "Ethernet, cut at 2,024");
        assert_eq!(options(&interface[8..]), [(2, b"1:1".to_vec()), (3, b"s1p1".to_vec()), (9, vec![9])]);
        for (frame, (_, body)) in frames.iter().chain([&cut]).zip(&blocks[2..]) {
            let time = u64::from(word(body, 4)) << 32 | u64::from(word(body, 8));
            assert_eq!((word(body, 0), time), (0, 1_700_000_005_000_000_001));
            let captured = word(body, 12) as usize;
            assert_eq!((captured, word(body, 16)), (frame.bytes.len(), frame.len));
            assert_eq!(body[20..20 + captured], frame.bytes);
            let flags = if frame.direction == CaptureDirection::Received { 1u32 } else { 2 };
            let end = 20 + captured.next_multiple_of(4);
            assert_eq!(options(&body[end..]), [(2, flags.to_le_bytes().to_vec())]);
        }
    }

    #[test]
    fn the_wall_clock_is_that_of_now() {
        let wall = Clock::now().wall_ns(monotonic_ns());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        assert!(now.abs_diff(u128::from(wall)) < 1_000_000_000);
    }
}
