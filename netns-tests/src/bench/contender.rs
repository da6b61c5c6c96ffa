//! What takes part: this switch and its peers, each in a bed of its own with the same veths, made before the first round.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use probe_abi::{GenState, load_names, side};

use super::load::{Load, Place};
use crate::bed::{BedOptions, HOST_DEV, Host, SwitchKind, Testbed};

/// How long after the generator has ended frames may still arrive.
const DRAIN: Duration = Duration::from_millis(200);
/// Both MSMs of a fresh chassis.
const READY: Duration = Duration::from_secs(20);
/// Copies at a bystander, of all frames: more means that stations are not known. Neighbour discovery of the hosts is below it.
const FLOODED_AT_MOST: f64 = 0.001;

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This switch: a running chassis.
    Here,
    /// `bpf_redirect_map`, constant key, no egress program.
    Bare,
    /// The Linux bridge, received by a tcx program.
    BridgeTcx,
    /// The Linux bridge, received by an XDP program.
    BridgeXdp,
    /// Dropped by XDP at the first port: what the generator and one veth hop cost by themselves.
    Floor,
}

impl Kind {
    /// Everybody, in the order of a round.
    pub const ALL: [Self; 5] = [Self::Here, Self::Bare, Self::BridgeTcx, Self::BridgeXdp, Self::Floor];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Bare => "bare",
            Self::BridgeTcx => "bridge, tcx receiver",
            Self::BridgeXdp => "bridge, XDP receiver",
            Self::Floor => "floor",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Bare => "bare",
            Self::BridgeTcx => "brtc",
            Self::BridgeXdp => "brxd",
            Self::Floor => "floor",
        }
    }

    fn switch(self) -> SwitchKind {
        match self {
            Self::Here => SwitchKind::Msm,
            Self::BridgeTcx | Self::BridgeXdp => SwitchKind::Bridge,
            Self::Bare | Self::Floor => SwitchKind::None,
        }
    }

    fn learns(self) -> bool {
        matches!(self, Self::Here | Self::BridgeTcx | Self::BridgeXdp)
    }
}

/// One contender, ready to forward from h1 to h3.
pub struct Contender {
    /// Who it is.
    pub kind: Kind,
    bed: Testbed,
}

/// Frames that arrived, and the time that sending them took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Frames given to the first veth.
    pub offered: u64,
    /// Frames counted where the contender's frames end: at the receiving host, for the floor at the first switch port.
    pub received: u64,
    /// From the first to the last frame, with the call's set-up.
    pub elapsed: Duration,
}

impl Measured {
    /// Millions a second.
    pub fn mpps(&self) -> f64 {
        self.received as f64 / self.elapsed.as_secs_f64() / 1e6
    }
}

fn received_frames(host: &Host) -> Result<u64> {
    let output = host.command("ip").args(["-json", "-stats", "link", "show", "dev", HOST_DEV]).output();
    let output = output.context("starting ip")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("reading `ip -json link`: {text}"))?;
    json[0]["stats64"]["rx"]["packets"].as_u64().with_context(|| format!("no receive counter in {text}"))
}

impl Contender {
    /// Its bed, its programs and its receiver.
    ///
    /// # Errors
    /// What building a bed or attaching a program says.
    pub fn make(kind: Kind, prefix: &str, load: &mut Load) -> Result<Self> {
        let prefix = format!("{prefix}{}-", kind.label());
        let options = BedOptions {
            prefix: prefix.clone(),
            switch: kind.switch(),
            mgmt: false,
            ..BedOptions::default()
        };
        let bed =
            Testbed::start(options).with_context(|| format!("building the bed of `{}`", kind.name()))?;
        let (h1, h3) = (bed.host("h1")?, bed.host("h3")?);
        // Live frames need a receive queue with NAPI at the sender as well; the same program everywhere.
        load.attach(load_names::SINK_XDP, Place::host(h1))?;
        match kind {
            Kind::BridgeTcx => load.attach_tcx_sink(Place::host(h3))?,
            _ => load.attach(load_names::SINK_XDP, Place::host(h3))?,
        }
        match kind {
            Kind::Bare => {
                load.attach(load_names::BARE, Place::port(&bed, h1))?;
                load.attach(load_names::BARE, Place::port(&bed, h3))?;
                load.aim_bare(Place::port(&bed, h3))?;
            }
            Kind::Floor => load.attach(load_names::SINK_XDP, Place::port(&bed, h1))?,
            Kind::Here => {
                bed.wait_ready(READY)?;
            }
            Kind::BridgeTcx | Kind::BridgeXdp => {}
        }
        Ok(Self { kind, bed })
    }

    /// The bed, for what it knows about drops.
    pub fn bed(&self) -> &Testbed {
        &self.bed
    }

    /// Lets every station speak once, so that a switch that learns knows it, and sees that nothing is flooded after.
    ///
    /// # Errors
    /// Frames between the stations still reach a host that they are not for.
    pub fn learn(&self, load: &mut Load, stations: u32, cpu: usize) -> Result<()> {
        if !self.kind.learns() {
            return Ok(());
        }
        for (host, from) in [("h3", side(3)), ("h1", side(1))] {
            load.order(GenState { from_side: from, from_stations: stations / 2, ..GenState::default() })?;
            load.generate(load_names::GEN_LEARN, Place::host(self.bed.host(host)?), stations, cpu)?; // each station twice
        }
        let before = received_frames(self.bed.host("h2")?)?;
        let sample = self.measure(load, stations, 4 * stations, cpu)?;
        let flooded = received_frames(self.bed.host("h2")?)?.saturating_sub(before);
        let limit = 32.0 + FLOODED_AT_MOST * sample.offered as f64;
        ensure!(
            (flooded as f64) <= limit,
            "{}: {flooded} of {} frames between {stations} stations were flooded: it did not learn them",
            self.kind.name(),
            sample.offered
        );
        Ok(())
    }

    /// Sends `frames` frames between stations drawn at random.
    ///
    /// # Errors
    /// What the generator says.
    pub fn measure(&self, load: &mut Load, stations: u32, frames: u32, cpu: usize) -> Result<Measured> {
        load.order(GenState {
            random: 0x9E37_79B9_7F4A_7C15,
            from_side: side(1),
            to_side: side(3),
            from_stations: stations / 2,
            to_stations: stations / 2,
            ..GenState::default()
        })?;
        let before = load.taken()?;
        let elapsed = load.generate(load_names::GEN_DRAW, Place::host(self.bed.host("h1")?), frames, cpu)?;
        let (ended, mut taken) = (Instant::now(), load.taken()?);
        while taken - before < u64::from(frames) && ended.elapsed() < DRAIN {
            std::thread::sleep(Duration::from_millis(1));
            taken = load.taken()?;
        }
        Ok(Measured { offered: u64::from(frames), received: taken - before, elapsed })
    }
}
