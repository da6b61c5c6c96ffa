//! The chassis file: what a cold start reads first.
//!
//! TOML. Every fault is reported with the file, line and column that a human would look at.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use msm_abi::{FDB_DEFAULT, FDB_MAX, Lport, PORTS_PER_SLOT};
use msm_proto::backplane::Bay;
use msm_proto::{Options, Slot};
use serde::Deserialize;
use toml::Spanned;

use msm_config::mac::Mac;
use msm_config::model::Netdevs;
use msm_config::netdev::{NETDEV_MAX, NetdevName};
use msm_config::port::PortName;
use msm_config::{Facts, options};

/// Longest chassis name: it is a directory name below bpffs and part of socket paths (108 bytes in all).
const NAME_MAX: usize = 32;
/// Longest chassis file: a chassis of 1,024 ports needs less than 64 KiB.
const FILE_MAX: u64 = 1 << 20;
/// Directory of chassis' run directories.
const RUN_ROOT: &str = "/run/msm";
/// Directory of chassis' flash: it outlasts a boot of the machine.
const FLASH_ROOT: &str = "/var/lib/msm";
/// Where bpffs usually is.
const BPFFS: &str = "/sys/fs/bpf";

/// Kinds of chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum ChassisType {
    /// Four I/O slots, two MSM slots.
    BD6804,
    /// Eight I/O slots, two MSM slots.
    BD6808,
    /// Sixteen I/O slots, four MSM slots.
    BD6816,
}

impl ChassisType {
    /// Number of I/O slots.
    pub(crate) fn slots(self) -> u8 {
        match self {
            Self::BD6804 => 4,
            Self::BD6808 => 8,
            Self::BD6816 => 16,
        }
    }

    /// Bays for MSMs.
    pub(crate) fn bays(self) -> &'static [Bay] {
        match self {
            Self::BD6804 | Self::BD6808 => &[Bay::A, Bay::B],
            Self::BD6816 => &Bay::ALL,
        }
    }
}

impl std::fmt::Display for ChassisType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// A validated chassis file.
#[derive(Clone, Debug)]
pub(crate) struct Chassis {
    /// Where it was read from.
    pub(crate) file: PathBuf,
    /// Name of the chassis; also its directory below `<bpffs>/msm`.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: ChassisType,
    /// The system's own address.
    pub(crate) system_mac: Mac,
    /// Directory with `msm-ctl` and `msm-ebpf.o`.
    pub(crate) image: PathBuf,
    /// Directory of sockets, pid files and logs.
    pub(crate) run_dir: PathBuf,
    /// Directory with the flash of each MSM.
    pub(crate) flash_dir: PathBuf,
    /// Mount point of bpffs.
    pub(crate) bpffs: PathBuf,
    /// Stations that the FDB has room for.
    pub(crate) fdb_capacity: u32,
    /// Failover options at a cold start.
    pub(crate) options: Options,
    /// Netdev of each port.
    pub(crate) ports: BTreeMap<Lport, String>,
    /// Netdev of VLAN Mgmt.
    pub(crate) mgmt: Option<String>,
}

/// Why a chassis file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChassisFileError {
    /// It cannot be read at all.
    #[error("chassis file {file}: cannot be read: {error}; give its path with --file")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("chassis file {file}:{line}:{column}: {what}")]
    Invalid {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong and what would be right.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Spanned<String>,
    #[serde(rename = "type")]
    kind: ChassisType,
    system_mac: Spanned<String>,
    image: Option<PathBuf>,
    run_dir: Option<Spanned<PathBuf>>,
    flash_dir: Option<Spanned<PathBuf>>,
    bpffs: Option<PathBuf>,
    fdb_capacity: Option<Spanned<u32>>,
    mgmt: Option<Spanned<String>>,
    #[serde(default)]
    options: RawOptions,
    #[serde(default, rename = "port")]
    ports: Vec<RawPort>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawOptions {
    sys_recovery_level: Option<Spanned<String>>,
    link_action: Option<Spanned<String>>,
    slave_config: Option<Spanned<String>>,
    routing: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPort {
    port: Spanned<String>,
    netdev: Spanned<String>,
}

/// What is wrong, and the bytes of the file that say so.
type Fault = (Range<usize>, String);

impl Chassis {
    /// Reads and validates `file`. `beside` is the directory of this binary, the default image.
    pub(crate) fn read(file: &Path, beside: &Path) -> Result<Self, ChassisFileError> {
        let unreadable = |error| ChassisFileError::Unreadable { file: file.to_owned(), error };
        let size = std::fs::metadata(file).map_err(unreadable)?.len();
        if size > FILE_MAX {
            return Err(unreadable(std::io::Error::other(format!(
                "{size} bytes, at most {FILE_MAX} are read"
            ))));
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let absolute = std::path::absolute(file).map_err(unreadable)?;
        Self::parse(&text, &absolute, beside).map_err(|(span, what)| {
            let (line, column) = position(&text, span.start);
            ChassisFileError::Invalid { file: file.to_owned(), line, column, what }
        })
    }

    fn parse(text: &str, file: &Path, beside: &Path) -> Result<Self, Fault> {
        let raw: Raw =
            toml::from_str(text).map_err(|e| (e.span().unwrap_or(0..0), e.message().trim().to_owned()))?;
        let name = raw.name.get_ref().clone();
        check_name(&name).map_err(|what| (raw.name.span(), what))?;
        let system_mac: Mac = raw
            .system_mac
            .get_ref()
            .parse()
            .map_err(|e| (raw.system_mac.span(), format!("system_mac: {e}")))?;
        if !system_mac.is_station() {
            return Err((
                raw.system_mac.span(),
                format!("system_mac {system_mac} is a group address or zero; give a unicast address"),
            ));
        }
        let fdb_capacity = match &raw.fdb_capacity {
            None => FDB_DEFAULT,
            Some(value) if (1..=FDB_MAX).contains(value.get_ref()) => *value.get_ref(),
            Some(value) => {
                return Err((
                    value.span(),
                    format!("fdb_capacity {} is out of range; 1 to {FDB_MAX}", value.get_ref()),
                ));
            }
        };
        let run_dir = absolute("run_dir", raw.run_dir, RUN_ROOT, &name)?;
        let flash_dir = absolute("flash_dir", raw.flash_dir, FLASH_ROOT, &name)?;
        let ports = ports(&raw.ports, raw.kind)?;
        let mgmt = management(raw.mgmt, &ports)?;
        Ok(Self {
            file: file.to_owned(),
            options: failover_options(&raw.options)?,
            image: raw.image.unwrap_or_else(|| beside.to_owned()),
            bpffs: raw.bpffs.unwrap_or_else(|| BPFFS.into()),
            kind: raw.kind,
            name,
            system_mac,
            run_dir,
            flash_dir,
            fdb_capacity,
            ports,
            mgmt,
        })
    }

    /// What a configuration begins from, and what it can name.
    pub(crate) fn facts(&self) -> Arc<Facts> {
        Arc::new(Facts {
            ports: self.ports.keys().copied().collect(),
            netdevs: Netdevs { ports: self.ports.clone(), mgmt: self.mgmt.clone() },
            sys_name: self.name.clone(),
            options: self.options,
        })
    }

    /// The eBPF object of the image.
    pub(crate) fn object(&self) -> PathBuf {
        self.image.join("msm-ebpf.o")
    }

    /// The binary of the image.
    pub(crate) fn binary(&self) -> PathBuf {
        self.image.join("msm-ctl")
    }

    /// The flash of the MSM in `slot`.
    pub(crate) fn flash(&self, slot: Slot) -> PathBuf {
        self.flash_dir.join(slot.to_string())
    }
}

/// The directory that `key` gives, or the chassis' own below `root`.
fn absolute(key: &str, given: Option<Spanned<PathBuf>>, root: &str, name: &str) -> Result<PathBuf, Fault> {
    match given {
        None => Ok(Path::new(root).join(name)),
        Some(dir) if dir.get_ref().is_absolute() => Ok(dir.into_inner()),
        Some(dir) => Err((dir.span(), format!("{key} {} is not an absolute path", dir.get_ref().display()))),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(format!("name \"{name}\" has {} characters; 1 to {NAME_MAX} are allowed", name.len()));
    }
    match name.chars().find(|&c| !good(c)) {
        Some(bad) => Err(format!("name \"{name}\" has the character '{bad}'; use a-z, 0-9 and - only")),
        None => Ok(()),
    }
}

fn ports(raw: &[RawPort], kind: ChassisType) -> Result<BTreeMap<Lport, String>, Fault> {
    let mut ports = BTreeMap::new();
    let mut netdevs = BTreeSet::new();
    for entry in raw {
        let span = entry.port.span();
        let port: PortName = entry.port.get_ref().parse().map_err(|e| (span.clone(), format!("{e}")))?;
        if port.slot() > kind.slots() {
            return Err((
                span,
                format!(
                    "port {port}: a {kind} has I/O slots 1 to {}, ports 1 to {PORTS_PER_SLOT}",
                    kind.slots()
                ),
            ));
        }
        let netdev = entry.netdev.get_ref();
        check_netdev(&entry.netdev)?;
        if !netdevs.insert(netdev.clone()) {
            return Err((entry.netdev.span(), format!("netdev {netdev} is given to two ports; one each")));
        }
        if ports.insert(port.lport(), netdev.clone()).is_some() {
            return Err((span, format!("port {port} is given twice; remove one")));
        }
    }
    Ok(ports)
}

fn check_netdev(netdev: &Spanned<String>) -> Result<(), Fault> {
    let name = netdev.get_ref();
    if name.parse::<NetdevName>().is_err() {
        return Err((
            netdev.span(),
            format!(
                "netdev \"{name}\" cannot be the name of one; 1 to {NETDEV_MAX} characters without / and spaces"
            ),
        ));
    }
    Ok(())
}

/// The management netdev: none of the ports'.
fn management(
    netdev: Option<Spanned<String>>,
    ports: &BTreeMap<Lport, String>,
) -> Result<Option<String>, Fault> {
    let Some(netdev) = netdev else { return Ok(None) };
    check_netdev(&netdev)?;
    if ports.values().any(|port| port == netdev.get_ref()) {
        return Err((
            netdev.span(),
            format!("mgmt: netdev {} is a port's; the management netdev is not switched", netdev.get_ref()),
        ));
    }
    Ok(Some(netdev.into_inner()))
}

fn failover_options(raw: &RawOptions) -> Result<Options, Fault> {
    let mut words = Options::default();
    if let Some(text) = &raw.slave_config {
        words.slave_config =
            options::parse_slave_config(text.get_ref()).map_err(|what| (text.span(), what))?;
    }
    if let Some(text) = &raw.sys_recovery_level {
        words.recovery = options::parse_recovery(text.get_ref()).map_err(|what| (text.span(), what))?;
    }
    if let Some(text) = &raw.routing {
        words.routing = options::parse_routing(text.get_ref()).map_err(|what| (text.span(), what))?;
    }
    if let Some(text) = &raw.link_action {
        words.link_action = options::parse_link_action(text.get_ref()).map_err(|what| (text.span(), what))?;
        words.validate().map_err(|what| (text.span(), what.to_string()))?;
    }
    Ok(words)
}

/// Line and column (from 1) of byte `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
#[path = "chassis_tests.rs"]
mod tests;
