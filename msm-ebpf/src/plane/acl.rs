//! Access lists: the classes of a frame's fields, and the first rule that is in all of them.

use msm_abi::{
    ACL_ABSENT_IP, ACL_ABSENT_L4, ACL_BLOCK, ACL_BLOCKS, ACL_CLASSES, ACL_RULES, ACL_WORDS, AclBits,
    AclMacKey, acl_active, acl_blocks,
};

use super::access::own;
use super::bits::lowest;
use super::frame::Frame;
use super::maps::{ACL_ACTIONS, ACL_BITS, ACL_CLASS, ACL_HITS, ACL_MAC};
use super::parse::{Ip4, Mac, ethertype, protocol};

/// Classes of fields. Where no rule asks for a field, the class of another stands in its place: looked at twice it says the same, and no frame is asked
/// which fields there are.
struct Fields {
    source: &'static AclBits,
    destination: &'static AclBits,
    protocol: &'static AclBits,
    source_port: &'static AclBits,
    destination_port: &'static AclBits,
    ingress: &'static AclBits,
    from: &'static AclBits,
    to: &'static AclBits,
    kind: &'static AclBits,
}

/// Whether the access list (`active`: [`acl_active`]) lets in a frame that came by physical port `lport`, between these stations.
#[inline(always)]
pub(crate) fn permitted<F: Frame>(
    frame: &F,
    place: (u16, usize),
    active: u8,
    lport: u32,
    source: u64,
    destination: u64,
) -> bool {
    // A table that is not as it should be denies: a list must not leak.
    decide(frame, place, active, lport, source, destination).unwrap_or(false)
}

#[inline(always)]
fn decide<F: Frame>(
    frame: &F,
    place: (u16, usize),
    active: u8,
    lport: u32,
    source: u64,
    destination: u64,
) -> Option<bool> {
    let half = u32::from(active & acl_active::HALF);
    let fields = fields(frame, place, active, half, lport, Mac(source), Mac(destination))?;
    let found = if active & acl_active::MAC == 0 { first::<false>(&fields) } else { first::<true>(&fields) };
    let Some(rule) = found else { return Some(true) };
    let action = ACL_ACTIONS.get(half * ACL_RULES as u32 + rule)?;
    // SAFETY: per CPU, and this is the only place that asks for it.
    if let Some(hits) = unsafe { own(ACL_HITS.get_ptr_mut(action.counter)) } {
        *hits += 1;
    }
    Some(action.permit == 1)
}

#[inline(always)]
fn fields<F: Frame>(
    frame: &F,
    (kind, payload): (u16, usize),
    active: u8,
    half: u32,
    lport: u32,
    from: Mac,
    to: Mac,
) -> Option<Fields> {
    let bits = |class: u16| ACL_BITS.get(half * ACL_CLASSES + u32::from(class));
    let ip = if kind == ethertype::IPV4 { Ip4::load(frame, payload) } else { None };
    let (source, destination, next) = match &ip {
        Some(ip) if active & acl_active::IP != 0 => (
            address(half, acl_blocks::SOURCE, ip.source())?,
            address(half, acl_blocks::DESTINATION, ip.destination)?,
            entry(half, acl_blocks::PROTOCOL, u32::from(ip.protocol()))?,
        ),
        _ => (ACL_ABSENT_IP, ACL_ABSENT_IP, ACL_ABSENT_IP),
    };
    let any = bits(source)?;
    let mut fields = Fields {
        source: any,
        destination: bits(destination)?,
        protocol: bits(next)?,
        source_port: any,
        destination_port: any,
        ingress: any,
        from: any,
        to: any,
        kind: any,
    };
    if active & acl_active::L4 != 0 {
        let ports = ip.as_ref().and_then(|ip| ports(frame, payload, ip));
        let (source, destination) = match ports {
            Some(ports) => (
                entry(half, acl_blocks::SOURCE_PORT + (ports >> 24), ports >> 16)?,
                entry(half, acl_blocks::DESTINATION_PORT + (ports >> 8 & 0xFF), ports)?,
            ),
            None => (ACL_ABSENT_L4, ACL_ABSENT_L4),
        };
        fields.source_port = bits(source)?;
        fields.destination_port = bits(destination)?;
    }
    if active & acl_active::INGRESS != 0 {
        fields.ingress = bits(entry(half, acl_blocks::INGRESS + (lport >> 8), lport)?)?;
    }
    if active & acl_active::MAC != 0 {
        let kind = u32::from(kind);
        fields.from = bits(station(from, false, half)?)?;
        fields.to = bits(station(to, true, half)?)?;
        fields.kind = bits(entry(half, acl_blocks::ETHERTYPE + (kind >> 8), kind)?)?;
    }
    Some(fields)
}

/// Source and destination port, if the packet has any.
#[inline(always)]
fn ports<F: Frame>(frame: &F, payload: usize, ip: &Ip4) -> Option<u32> {
    if ip.is_later_fragment() || ip.protocol() != protocol::TCP && ip.protocol() != protocol::UDP {
        return None;
    }
    // At most 60, which the verifier must see.
    let len = super::access::opaque(u64::from(ip.header_len())) as usize & 0x3C;
    frame.load(payload + len)
}

/// Entry `at % 256` of a block.
#[inline(always)]
fn entry(half: u32, block: u32, at: u32) -> Option<u16> {
    let block = ACL_CLASS.get(half * ACL_BLOCKS + block)?;
    Some(block[(at & 0xFF) as usize])
}

#[inline(always)]
fn address(half: u32, field: u32, address: u32) -> Option<u16> {
    let mut class = entry(half, field + (address >> 24), address >> 16)?;
    if class & ACL_BLOCK != 0 {
        class = entry(half, u32::from(class & !ACL_BLOCK), address >> 8)?;
        if class & ACL_BLOCK != 0 {
            class = entry(half, u32::from(class & !ACL_BLOCK), address)?;
        }
    }
    Some(class)
}

#[inline(always)]
fn station(mac: Mac, destination: bool, half: u32) -> Option<u16> {
    let half = half as u8;
    let own = AclMacKey { mac: mac.octets(), field: u8::from(destination), half };
    // SAFETY: a half in force is not changed.
    let class = unsafe { ACL_MAC.get(own) };
    let class = match class {
        Some(class) => class,
        // SAFETY: as above.
        None => unsafe { ACL_MAC.get(AclMacKey::other(destination, half)) }?,
    };
    Some(*class as u16)
}

/// The first rule that is in all classes; those of Ethernet fields only if a rule asks for one.
#[inline(always)]
fn first<const MAC: bool>(fields: &Fields) -> Option<u32> {
    let all = |of: fn(&AclBits, usize) -> u64, at: usize| {
        let ip = of(fields.source, at)
            & of(fields.destination, at)
            & of(fields.protocol, at)
            & of(fields.source_port, at)
            & of(fields.destination_port, at)
            & of(fields.ingress, at);
        if MAC { ip & of(fields.from, at) & of(fields.to, at) & of(fields.kind, at) } else { ip }
    };
    let mut words = all(|class, _| class.sum, 0);
    for _ in 0..ACL_WORDS {
        if words == 0 {
            return None;
        }
        let word = lowest(words);
        let rules = all(|class, at| class.words[at % ACL_WORDS], word as usize);
        if rules != 0 {
            return Some(word * u64::BITS + lowest(rules));
        }
        words &= words - 1;
    }
    None
}
