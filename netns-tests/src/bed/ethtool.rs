//! ethtool's ioctl: offloads and statistics of a netdev in the calling thread's namespace.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketType, socket};

/// linux/ethtool.h.
mod command {
    pub(super) const SET_TX_CHECKSUM: u32 = 0x17;
    pub(super) const GET_STRINGS: u32 = 0x1b;
    pub(super) const GET_STATS: u32 = 0x1d;
    pub(super) const SET_TSO: u32 = 0x1f;
    pub(super) const GET_FLAGS: u32 = 0x25;
    pub(super) const SET_FLAGS: u32 = 0x26;
    pub(super) const SET_GRO: u32 = 0x2c;
    pub(super) const GET_SET_INFO: u32 = 0x37;
}
/// `ETH_FLAG_TXVLAN`.
const FLAG_TX_VLAN: u32 = 1 << 7;
/// `ETH_SS_STATS`.
const STRINGS_STATS: u32 = 1;
/// `ETH_GSTRING_LEN`.
const STRING_LEN: usize = 32;
/// More statistics than any veth has: 4,096 queues of 9.
const STATS_LIMIT: usize = 65_536;

/// Switches transmit checksum offload (and with it TSO): partial checksums do not survive an XDP redirect.
pub(super) fn set_tx_checksum(dev: &str, on: bool) -> io::Result<()> {
    set(dev, command::SET_TX_CHECKSUM, u32::from(on))
}

/// Switches TSO: segments longer than a frame.
pub(super) fn set_tso(dev: &str, on: bool) -> io::Result<()> {
    set(dev, command::SET_TSO, u32::from(on))
}

/// Switches GRO: veth takes redirected frames only when its peer polls, which GRO or an XDP program makes it do.
pub(super) fn set_gro(dev: &str, on: bool) -> io::Result<()> {
    set(dev, command::SET_GRO, u32::from(on))
}

/// Switches accelerated 802.1Q tags on transmit: XDP does not see them.
pub(super) fn set_tx_vlan(dev: &str, on: bool) -> io::Result<()> {
    let mut request = words(&[command::GET_FLAGS, 0]);
    call(dev, &mut request)?;
    let flags = word(&request, 4);
    let wanted = if on { flags | FLAG_TX_VLAN } else { flags & !FLAG_TX_VLAN };
    if wanted == flags { Ok(()) } else { set(dev, command::SET_FLAGS, wanted) }
}

/// The driver's own statistics by name.
pub(super) fn stats(dev: &str) -> io::Result<BTreeMap<String, u64>> {
    // struct ethtool_sset_info: cmd, reserved, mask (u64), counts.
    let mut info = words(&[command::GET_SET_INFO, 0, 1 << STRINGS_STATS, 0, 0]);
    call(dev, &mut info)?;
    let count = (word(&info, 16) as usize).min(STATS_LIMIT);
    // struct ethtool_gstrings: cmd, set, count, strings.
    let mut names = words(&[command::GET_STRINGS, STRINGS_STATS, count as u32]);
    names.resize(12 + count * STRING_LEN, 0);
    call(dev, &mut names)?;
    // struct ethtool_stats: cmd, count, values (u64).
    let mut values = words(&[command::GET_STATS, count as u32]);
    values.resize(8 + count * 8, 0);
    call(dev, &mut values)?;
    let names = names[12..].chunks_exact(STRING_LEN).map(|name| {
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(STRING_LEN);
        String::from_utf8_lossy(&name[..end]).into_owned()
    });
    let values =
        values[8..].chunks_exact(8).map(|v| u64::from_ne_bytes(v.try_into().expect("chunks of eight")));
    Ok(names.zip(values).collect())
}

fn set(dev: &str, command: u32, value: u32) -> io::Result<()> {
    call(dev, &mut words(&[command, value]))
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// One ioctl. `request` begins with the command and is as long as that command's structure says.
fn call(dev: &str, request: &mut [u8]) -> io::Result<()> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    if dev.len() >= name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("netdev name `{dev}` is too long")));
    }
    for (to, from) in name.iter_mut().zip(dev.bytes()) {
        *to = from as libc::c_char;
    }
    let data = request.as_mut_ptr().cast();
    let mut ifreq =
        libc::ifreq { ifr_name: name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data: data } };
    // SAFETY: ifreq lives over the call and its data points to `request`, whose length the callers make fit the command.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut ifreq) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
