//! Frames and addresses of the tests.

/// Stations, by the port they are at where a test does not say otherwise.
pub(crate) const S11: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
pub(crate) const S12: [u8; 6] = [2, 0, 0, 0, 0, 0x12];
pub(crate) const S21: [u8; 6] = [2, 0, 0, 0, 0, 0x21];
pub(crate) const S22: [u8; 6] = [2, 0, 0, 0, 0, 0x22];
/// A station that nobody has seen.
pub(crate) const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
pub(crate) const BROADCAST: [u8; 6] = [0xff; 6];
pub(crate) const GROUP: [u8; 6] = [1, 0, 0x5e, 0, 0, 1];
/// Spanning tree's.
pub(crate) const BPDU: [u8; 6] = [1, 0x80, 0xc2, 0, 0, 0];
/// EAPS's.
pub(crate) const EAPS: [u8; 6] = [0, 0xe0, 0x2b, 0, 0, 4];

/// An untagged frame of 64 bytes, each payload byte another.
pub(crate) fn frame(destination: [u8; 6], source: [u8; 6]) -> Vec<u8> {
    sized(destination, source, None, 64)
}

/// The same with a tag in front of it.
pub(crate) fn tagged(destination: [u8; 6], source: [u8; 6], tci: u16) -> Vec<u8> {
    sized(destination, source, Some(tci), 68)
}

/// A frame of `len` bytes, cut off wherever that is.
pub(crate) fn sized(destination: [u8; 6], source: [u8; 6], tci: Option<u16>, len: usize) -> Vec<u8> {
    let mut bytes = [destination, source].concat();
    if let Some(tci) = tci {
        bytes.extend([0x81, 0x00]);
        bytes.extend(tci.to_be_bytes());
    }
    bytes.extend([0x08, 0x00]);
    let payload = (0..len.saturating_sub(bytes.len())).map(|i| i as u8);
    bytes.extend(payload.collect::<Vec<_>>());
    bytes.truncate(len);
    bytes
}

/// The frame without its tag.
pub(crate) fn untag(frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &frame[16..]].concat()
}

/// The frame with a tag put in.
pub(crate) fn tag(frame: &[u8], tci: u16) -> Vec<u8> {
    [&frame[..12], &[0x81, 0x00], &tci.to_be_bytes(), &frame[12..]].concat()
}

/// The untagged frame with another EtherType.
pub(crate) fn with_type(frame: &[u8], kind: u16) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[12..14].copy_from_slice(&kind.to_be_bytes());
    frame
}
