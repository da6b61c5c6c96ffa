//! Access lists: the classes of a frame's fields, and the first rule that is in all of them.

use msm_abi::{
    ACL_ABSENT_IP, ACL_ABSENT_L4, ACL_BLOCK, ACL_VECTOR, ACL_WORDS, AclMacKey, acl_active, acl_blocks,
};

use super::access::{opaque, own};
use super::bits::lowest;
use super::frame::Frame;
use super::maps::{ACL_ACTIONS, ACL_BITS, ACL_BITS_WORDS, ACL_CLASS, ACL_ENTRIES, ACL_HITS, ACL_MAC};
use super::parse::{Ip4, Mac, ethertype, protocol};

/// A class: which of its words are not zero, and the words.
type Vector = [u64; ACL_VECTOR];

/// Classes of fields. Where no rule asks for a field, the class of another stands in its place: looked at twice it says the same, and no frame is asked
/// which fields there are.
struct Fields {
    source: u16,
    destination: u16,
    protocol: u16,
    source_port: u16,
    destination_port: u16,
    ingress: u16,
    from: u16,
    to: u16,
    kind: u16,
}

/// The half of the tables that is in force.
struct Half {
    classes: &'static [u16; ACL_ENTRIES],
    bits: &'static [u64; ACL_BITS_WORDS],
    /// From the bits' head: words from a class to the next, and where the first is.
    stride: u64,
    first: u64,
    number: u32,
}

impl Half {
    #[inline(always)]
    fn of(active: u8) -> Option<Self> {
        let number = u32::from(active & acl_active::HALF);
        let bits = ACL_BITS.get(number)?;
        Some(Self { classes: ACL_CLASS.get(number)?, bits, stride: bits[0], first: bits[1], number })
    }

    /// The entry of a field that has blocks from `first`.
    #[inline(always)]
    fn entry(&self, first: u32, value: u32) -> Option<u16> {
        self.classes.get(opaque(u64::from(first * 256 + value)) as usize).copied()
    }

    #[inline(always)]
    fn address(&self, first: u32, address: u32) -> Option<u16> {
        let mut class = self.entry(first, address >> 16)?;
        if class & ACL_BLOCK != 0 {
            class = self.entry(u32::from(class & !ACL_BLOCK), address >> 8 & 0xFF)?;
            if class & ACL_BLOCK != 0 {
                class = self.entry(u32::from(class & !ACL_BLOCK), address & 0xFF)?;
            }
        }
        Some(class)
    }

    #[inline(always)]
    fn station(&self, mac: Mac, destination: bool) -> Option<u16> {
        let half = self.number as u8;
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

    #[inline(always)]
    fn vector(&self, class: u16) -> Option<&'static Vector> {
        let at = opaque(self.first + self.stride * u64::from(class)) as usize;
        if at > ACL_BITS_WORDS - ACL_VECTOR {
            return None;
        }
        let words = self.bits.as_ptr().wrapping_add(at).cast::<Vector>();
        // SAFETY: so many words are there, compared just now.
        Some(unsafe { &*words })
    }
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
    let half = Half::of(active)?;
    let fields = fields(frame, place, active, &half, lport, Mac(source), Mac(destination))?;
    let found = if active & acl_active::MAC == 0 {
        first::<false>(&half, &fields)?
    } else {
        first::<true>(&half, &fields)?
    };
    let Some(rule) = found else { return Some(true) };
    let action = ACL_ACTIONS.get(half.number)?.get(opaque(u64::from(rule)) as usize)?;
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
    half: &Half,
    lport: u32,
    from: Mac,
    to: Mac,
) -> Option<Fields> {
    let ip = if kind == ethertype::IPV4 { Ip4::load(frame, payload) } else { None };
    let (source, destination, protocol) = match &ip {
        Some(ip) if active & acl_active::IP != 0 => (
            half.address(acl_blocks::SOURCE, ip.source())?,
            half.address(acl_blocks::DESTINATION, ip.destination)?,
            half.entry(acl_blocks::PROTOCOL, u32::from(ip.protocol()))?,
        ),
        _ => (ACL_ABSENT_IP, ACL_ABSENT_IP, ACL_ABSENT_IP),
    };
    let any = protocol;
    let (source_port, destination_port) = if active & acl_active::L4 == 0 {
        (any, any)
    } else if let Some(ports) = ip.as_ref().and_then(|ip| ports(frame, payload, ip)) {
        (
            half.entry(acl_blocks::SOURCE_PORT, ports >> 16)?,
            half.entry(acl_blocks::DESTINATION_PORT, ports & 0xFFFF)?,
        )
    } else {
        (ACL_ABSENT_L4, ACL_ABSENT_L4)
    };
    let ingress =
        if active & acl_active::INGRESS == 0 { any } else { half.entry(acl_blocks::INGRESS, lport)? };
    let (from, to, kind) = if active & acl_active::MAC == 0 {
        (any, any, any)
    } else {
        (
            half.station(from, false)?,
            half.station(to, true)?,
            half.entry(acl_blocks::ETHERTYPE, u32::from(kind))?,
        )
    };
    Some(Fields { source, destination, protocol, source_port, destination_port, ingress, from, to, kind })
}

/// Source and destination port, if the packet has any.
#[inline(always)]
fn ports<F: Frame>(frame: &F, payload: usize, ip: &Ip4) -> Option<u32> {
    if ip.is_later_fragment() || ip.protocol() != protocol::TCP && ip.protocol() != protocol::UDP {
        return None;
    }
    // At most 60, which the verifier must see.
    let len = opaque(u64::from(ip.header_len())) as usize & 0x3C;
    frame.load(payload + len)
}

/// The first rule that is in all classes; those of Ethernet fields only if a rule asks for one.
#[inline(always)]
fn first<const MAC: bool>(half: &Half, fields: &Fields) -> Option<Option<u32>> {
    // Each by itself, the same one or not: the verifier takes ways that differ in that for different ones, and walks all of them.
    let source = half.vector(fields.source)?;
    let destination = half.vector(fields.destination)?;
    let protocol = half.vector(fields.protocol)?;
    let source_port = half.vector(fields.source_port)?;
    let destination_port = half.vector(fields.destination_port)?;
    let ingress = half.vector(fields.ingress)?;
    let ethernet = if MAC {
        Some((half.vector(fields.from)?, half.vector(fields.to)?, half.vector(fields.kind)?))
    } else {
        None
    };
    let all = |at: usize| {
        let ip = source[at]
            & destination[at]
            & protocol[at]
            & source_port[at]
            & destination_port[at]
            & ingress[at];
        ethernet.map_or(ip, |(from, to, kind)| ip & from[at] & to[at] & kind[at])
    };
    let mut words = all(0);
    for _ in 0..ACL_WORDS {
        if words == 0 {
            return Some(None);
        }
        let word = lowest(words);
        let rules = all(1 + word as usize);
        if rules != 0 {
            return Some(Some(word * u64::BITS + lowest(rules)));
        }
        words &= words - 1;
    }
    Some(None)
}
