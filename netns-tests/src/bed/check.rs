//! Refuses early what would fail late.

use super::product::Product;
use super::{BedError, BedOptions, HostSpec, Result, SwitchKind};

/// A netdev's name has at most 15 characters and a namespace's is made of the prefix: longer prefixes help nobody.
const PREFIX_LIMIT: usize = 16;

/// Options that can be built, by who may build them.
pub(super) fn check(options: &BedOptions) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(BedError::NotRoot);
    }
    check_prefix(&options.prefix)?;
    let hosts = &options.hosts;
    for (i, host) in hosts.iter().enumerate() {
        if host.ifindex == 0 || host.ifindex >= probe_abi::HOST_IFINDEX_LIMIT || host.number == 0 {
            return Err(BedError::Options(format!(
                "host {}: ifindex {} or number {}",
                host.name, host.ifindex, host.number
            )));
        }
        let clash = |other: &&HostSpec| {
            other.name == host.name
                || other.number == host.number
                || other.ifindex == host.ifindex
                || other.switch_ifindex == host.switch_ifindex
                || other.switch_dev == host.switch_dev
        };
        if let Some(other) = hosts[..i].iter().find(clash) {
            return Err(BedError::Options(format!(
                "hosts {} and {} share a name or number",
                other.name, host.name
            )));
        }
    }
    if options.switch == SwitchKind::Msm {
        Product::check(options)?;
    }
    Ok(())
}

/// A prefix makes names of namespaces, and the chassis's.
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if prefix.len() > PREFIX_LIMIT || !prefix.bytes().all(fits) {
        return Err(BedError::Options(format!(
            "prefix `{prefix}`: at most {PREFIX_LIMIT} of a-z, 0-9 and -"
        )));
    }
    Ok(())
}
