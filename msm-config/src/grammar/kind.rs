//! Kinds of values: what may stand for a parameter, and how it is read.

use std::net::{IpAddr, Ipv4Addr};

use crate::ipv4net::Ipv4Net;
use crate::mac::Mac;
use crate::name::Name;
use crate::network::{Interface, Interface6, Network, parse_mask};
use crate::port::PortName;
use crate::portlist::PortList;

/// Longest text of a parameter (RFC 1213 DisplayString).
const TEXT_MAX: usize = 255;
/// Longest file name, in bytes.
const FILE_MAX: usize = 255;
/// Longest DNS name (RFC 1035 2.3.4).
const HOST_MAX: usize = 253;
/// Longest password in characters.
pub const PASSWORD_MAX: usize = 64;

/// A value as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// A name.
    Name(Name),
    /// A port.
    Port(PortName),
    /// Ports.
    Ports(PortList),
    /// An address.
    Address(Ipv4Addr),
    /// Bits of a network part.
    Prefix(u8),
    /// An address with its prefix.
    Interface(Interface),
    /// The same, of IPv6.
    Interface6(Interface6),
    /// An address of either family.
    Ip(IpAddr),
    /// Where a route leads.
    Network(Network),
    /// A station, or any address.
    Mac(Mac),
    /// A network.
    Ipv4Net(Ipv4Net),
}

/// How a parameter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number from, to.
    Number(u64, u64),
    /// Seconds, 0 or 15 to 1,000,000.
    Aging,
    /// A name.
    Name,
    /// Text up to so many characters.
    Text(usize),
    /// A word up to so many characters, without blanks.
    Word(usize),
    /// The name of a netdev.
    Netdev,
    /// A port.
    Port,
    /// Ports.
    Ports,
    /// An IPv4 address.
    Address,
    /// An IPv4 address, or one with a prefix length.
    Interface,
    /// An IPv6 address with its prefix length.
    Interface6,
    /// An address of either family.
    Ip,
    /// A network of either family, or an IPv4 address that a mask follows.
    Network,
    /// A mask or prefix length.
    Mask,
    /// The address of one station.
    Mac,
    /// Any MAC address.
    AnyMac,
    /// What a frame carries.
    EtherType,
    /// A network.
    Ipv4Net,
    /// A host: address or name.
    Host,
    /// A file.
    File,
    /// A password.
    Password,
}

impl Kind {
    /// The kind that the notation calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((low, high)) = name.split_once("..") {
            return Some(Self::Number(low.parse().ok()?, high.parse().ok()?));
        }
        Some(match name {
            "agingtime" => Self::Aging,
            "name" | "vlan" | "user" => Self::Name,
            "text" => Self::Text(TEXT_MAX),
            "text32" => Self::Text(crate::name::NAME_MAX),
            "word" => Self::Word(TEXT_MAX),
            "netdev" => Self::Netdev,
            "port" => Self::Port,
            "portlist" => Self::Ports,
            "ip" => Self::Address,
            "ipaddress" => Self::Interface,
            "ip6address" => Self::Interface6,
            "anyip" => Self::Ip,
            "network" => Self::Network,
            "mask" => Self::Mask,
            "mac" => Self::Mac,
            "anymac" => Self::AnyMac,
            "ethertype" => Self::EtherType,
            "ipv4net" => Self::Ipv4Net,
            "host" => Self::Host,
            "file" => Self::File,
            "password" => Self::Password,
            _ => return None,
        })
    }

    /// For help and reference: what it is and its range.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Number(low, high) => format!("{low} to {high}"),
            Self::Aging => "0, or 15 to 1000000".to_owned(),
            Self::Name => {
                format!(
                    "a name: a letter, then letters, digits, _ - ., at most {} in all",
                    crate::name::NAME_MAX
                )
            }
            Self::Text(most) => format!("text of at most {most} characters, quoted if it has blanks"),
            Self::Word(most) => format!("a word of at most {most} characters"),
            Self::Netdev => format!(
                "a netdev of the switch's namespace, at most {} characters",
                crate::netdev::NETDEV_MAX
            ),
            Self::Port => "slot:port, as 1:1".to_owned(),
            Self::Ports => "ports, as 1:1-1:4,2:*".to_owned(),
            Self::Address => "an IPv4 address, as 10.0.0.1".to_owned(),
            Self::Interface => "an IPv4 address, also with a prefix length, as 10.0.0.1/24".to_owned(),
            Self::Interface6 => "an IPv6 address with its prefix length, as 2001:db8::1/64".to_owned(),
            Self::Ip => "an IPv4 or IPv6 address".to_owned(),
            Self::Network => "a network, as 10.1.0.0/16 or 2001:db8::/32".to_owned(),
            Self::Mask => "a mask, as 255.255.255.0, or a prefix length".to_owned(),
            Self::Mac => "a station's address, as 02:00:00:00:00:01".to_owned(),
            Self::AnyMac => "a MAC address, as 02:00:00:00:00:01".to_owned(),
            Self::EtherType => "0x0600 to 0xffff, as 0x0806".to_owned(),
            Self::Ipv4Net => "an address and a prefix length or mask, as 10.0.0.0/8".to_owned(),
            Self::Host => "an IPv4 address or a name".to_owned(),
            Self::File => "a file name, quoted if it has blanks".to_owned(),
            Self::Password => format!("1 to {PASSWORD_MAX} characters, quoted if it has blanks"),
        }
    }

    /// Reads `text`.
    ///
    /// # Errors
    /// What it is not, and what would be right.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Number(low, high) => number(text, low, high).map(Value::Number),
            Self::Aging => match number(text, 0, 1_000_000) {
                Ok(seconds) if seconds == 0 || seconds >= 15 => Ok(Value::Number(seconds)),
                _ => Err(format!("{} is out of range; {}", shown(text), self.describe())),
            },
            Self::Name => text.parse().map(Value::Name).map_err(|e: crate::name::BadName| e.to_string()),
            Self::Text(most) => limited(text, 0, most).map(Value::Text),
            Self::Netdev => {
                let name = text.parse().map_err(|e: crate::netdev::BadNetdev| e.to_string());
                name.map(|name: crate::netdev::NetdevName| Value::Text(name.to_string()))
            }
            Self::Word(most) => {
                limited(text, 1, most).and_then(|text| match text.contains(char::is_whitespace) {
                    true => Err(format!("{} has a blank in it", shown(&text))),
                    false => Ok(Value::Text(text)),
                })
            }
            Self::Port => text.parse().map(Value::Port).map_err(|e: crate::port::BadPort| e.to_string()),
            Self::Ports => {
                text.parse().map(Value::Ports).map_err(|e: crate::portlist::BadPortList| e.to_string())
            }
            Self::Address => address(text).map(Value::Address),
            Self::Interface => match text.split_once('/') {
                None => address(text).map(Value::Address),
                Some((ip, length)) => {
                    let prefix = parse_mask(length).map_err(|e| e.to_string())?;
                    Interface::new(address(ip)?, prefix).map(Value::Interface).map_err(|e| e.to_string())
                }
            },
            Self::Interface6 => {
                text.parse().map(Value::Interface6).map_err(|e: crate::network6::BadInterface6| e.to_string())
            }
            Self::Ip => ip(text).map(Value::Ip),
            Self::Network => match text.contains('/') {
                false => address(text).map(Value::Address),
                true => {
                    text.parse().map(Value::Network).map_err(|e: crate::prefix::BadNetwork| e.to_string())
                }
            },
            Self::Mask => parse_mask(text).map(Value::Prefix).map_err(|e| e.to_string()),
            Self::Mac => match text.parse::<Mac>() {
                Ok(mac) if mac.is_station() => Ok(Value::Mac(mac)),
                Ok(mac) => Err(format!("{mac} is a group address or zero; give a station's")),
                Err(error) => Err(error.to_string()),
            },
            Self::AnyMac => text.parse().map(Value::Mac).map_err(|e: crate::mac::BadMac| e.to_string()),
            Self::EtherType => ether_type(text).map(Value::Number),
            Self::Ipv4Net => {
                text.parse().map(Value::Ipv4Net).map_err(|e: crate::ipv4net::BadIpv4Net| e.to_string())
            }
            Self::Host => host(text).map(Value::Text),
            Self::File => limited(text, 1, FILE_MAX).map(Value::Text),
            Self::Password => limited(text, 1, PASSWORD_MAX).map(Value::Text),
        }
    }
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(32).collect();
    format!("\"{cut}\"")
}

fn number(text: &str, low: u64, high: u64) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(format!("{} is no number; {low} to {high}", shown(text)));
    }
    match text.parse::<u64>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("{} is out of range; {low} to {high}", shown(text))),
    }
}

fn ether_type(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or_default();
    let hex = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u64::from_str_radix(digits, 16) {
        Ok(number) if hex && number >= 0x600 => Ok(number),
        _ => Err(format!("{} is no EtherType; {}", shown(text), Kind::EtherType.describe())),
    }
}

fn limited(text: &str, least: usize, most: usize) -> Result<String, String> {
    let length = text.chars().count();
    if length < least {
        return Err("empty text is not allowed here".to_owned());
    }
    if length > most {
        return Err(format!("{length} characters are too many; {most} at most"));
    }
    match text.chars().find(|c| c.is_control() || *c == '"') {
        Some(bad) => Err(format!("a text cannot have {} in it", bad.escape_default())),
        None => Ok(text.to_owned()),
    }
}

fn address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| format!("{} is no IPv4 address; four numbers, as 10.0.0.1", shown(text)))
}

fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{} is no IP address, as 10.0.0.1 or 2001:db8::1", shown(text)))
}

fn host(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
    };
    // Only digits and dots is an address with a mistake, never a name.
    let name = text.bytes().any(|b| b.is_ascii_alphabetic());
    let bare = text.strip_suffix('.').unwrap_or(text);
    if name && text.len() <= HOST_MAX && bare.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is neither an IPv4 address nor a host's name", shown(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_their_range_only() {
        assert_eq!(Kind::Number(30, 300).read("30"), Ok(Value::Number(30)));
        for bad in ["29", "301", "+30", "3e2", "", "99999999999999999999999"] {
            assert!(Kind::Number(30, 300).read(bad).is_err(), "{bad}");
        }
        assert!(Kind::Aging.read("14").is_err() && Kind::Aging.read("0").is_ok());
        assert!(
            Kind::Mac.read("01:80:c2:00:00:00").is_err() && Kind::AnyMac.read("01:80:c2:00:00:00").is_ok()
        );
        assert_eq!(Kind::EtherType.read("0x0806"), Ok(Value::Number(0x806)));
        for bad in ["0806", "0x5ff", "0x10000", "0x", "0x+806", "arp"] {
            assert!(Kind::EtherType.read(bad).is_err(), "{bad}");
        }
        assert!(Kind::Text(3).read("äöü").is_ok() && Kind::Text(3).read("äöüß").is_err());
        assert!(Kind::Interface.read("10.0.0.1/24").is_ok() && Kind::Interface.read("10.0.0.0/24").is_err());
        for good in ["10.0.0.1", "tftp", "a-b.example.com."] {
            assert!(Kind::Host.read(good).is_ok(), "{good}");
        }
        for bad in ["10.0.0", "-a", "a..b", "", "a b", "1.2.3.4.5"] {
            assert!(Kind::Host.read(bad).is_err(), "{bad}");
        }
    }
}
