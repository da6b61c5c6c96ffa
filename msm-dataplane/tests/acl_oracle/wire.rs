//! Frames as bytes, from the fields that access lists look at.

use msm_dataplane::plane::acl::{AclFields, AclIp};

/// The VLAN of tagged frames.
pub(crate) const TAG: u16 = 5;

/// The frame of these fields, as short as it can be; `tagged` or not, unless its EtherType stands behind a tag by nature. `salt` chooses what is not
/// looked at: options, payload, kind of fragment.
pub(crate) fn frame(fields: &AclFields, tagged: bool, salt: u64) -> Vec<u8> {
    let mut bytes = [fields.destination, fields.source].concat();
    if tagged || fields.ethertype == 0x8100 {
        bytes.extend([0x81, 0x00]);
        bytes.extend(TAG.to_be_bytes());
    }
    bytes.extend(fields.ethertype.to_be_bytes());
    match (fields.ip, fields.ethertype) {
        (Some(ip), _) => bytes.extend(packet(&ip, salt)),
        // No header of version 4. (Two bytes: the kernel does not take off a tag that less is behind.)
        (None, 0x0800) => bytes.extend([0, 0]),
        (None, _) => bytes.extend((0..46).map(|i| (salt >> (i % 8)) as u8)),
    }
    bytes
}

fn packet(ip: &AclIp, salt: u64) -> Vec<u8> {
    let options = if salt.is_multiple_of(4) { 4 * (salt >> 8) as usize % 44 } else { 0 };
    let is_transport = matches!(ip.protocol, 6 | 17);
    // TCP and UDP without ports: a later fragment, or a packet that ends behind its header.
    let fragment = match (ip.ports, is_transport) {
        (None, true) if salt & 16 == 0 => 0x2000 | (1 + (salt >> 16) as u16 % 0x1ffe),
        (None, true) => 0,
        // The first fragment has ports; of other protocols any is as good.
        (Some(_), _) if salt & 32 == 0 => 0x2000,
        (None, false) if salt & 32 == 0 => (salt >> 16) as u16 % 0x2000,
        _ => 0x4000,
    };
    let mut payload = match ip.ports {
        Some((source, destination)) => [source.to_be_bytes(), destination.to_be_bytes()].concat(),
        None if is_transport && fragment == 0 => Vec::new(),
        None => vec![salt as u8; 4],
    };
    if !payload.is_empty() {
        payload.resize(20, (salt >> 3) as u8);
    }
    let mut header = vec![0x45 + (options / 4) as u8, 0];
    header.extend(((20 + options + payload.len()) as u16).to_be_bytes());
    header.extend([0, 1]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, ip.protocol, 0, 0]);
    header.extend(ip.source.to_be_bytes());
    header.extend(ip.destination.to_be_bytes());
    // No-operation.
    header.resize(20 + options, 1);
    let sum = header.chunks_exact(2).fold(0u32, |sum, pair| {
        let sum = sum + u32::from(u16::from_be_bytes([pair[0], pair[1]]));
        (sum & 0xffff) + (sum >> 16)
    });
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    [header, payload].concat()
}
