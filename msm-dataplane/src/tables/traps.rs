//! TRAP_LACP: frames that a protocol of the switch takes.

use msm_abi::TrapHeader;

use super::{part, u32_at, u64_at};

const HEADER: usize = size_of::<TrapHeader>();

/// A record's header, and the frame behind it, as much of it as was kept; `None` if the record is shorter than a header.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<(TrapHeader, &[u8])> {
    let (header, frame) = bytes.split_at_checked(HEADER)?;
    let header = TrapHeader {
        time_ns: u64_at(header, 0),
        len: u32_at(header, 8),
        captured: u32_at(header, 12),
        lport: u16::from_ne_bytes(part(header, 16)),
        vid: u16::from_ne_bytes(part(header, 18)),
        class: u32_at(header, 20),
    };
    let kept = frame.len().min(header.captured as usize);
    Some((header, &frame[..kept]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_is_laid_out() {
        let mut bytes = Vec::new();
        bytes.extend(7u64.to_ne_bytes());
        bytes.extend(124u32.to_ne_bytes());
        bytes.extend(3u32.to_ne_bytes());
        bytes.extend(65u16.to_ne_bytes());
        bytes.extend(10u16.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        assert_eq!(bytes.len(), HEADER);
        bytes.extend([1, 2, 3, 4]);
        let (header, frame) = record(&bytes).expect("whole");
        assert_eq!((header.time_ns, header.len, header.lport, header.vid, header.class), (7, 124, 65, 10, 0));
        assert_eq!(frame, [1, 2, 3], "the ring rounds up");
        assert_eq!(record(&bytes[..23]), None);
    }
}
