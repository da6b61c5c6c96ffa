//! What every scenario stands on: beds side by side, their receivers, the rounds and what they came to.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use probe_abi::{GenState, load_names, side};
use serde_json::Value;

use super::contender::{Contender, Traffic};
use super::load::{Load, Place};
use super::rounds::{self, Compare};
use super::{Options, profile};
use crate::bed::{BedOptions, HostSpec, Netns, SwitchKind, Testbed};
use crate::report::schema::{BenchReport, BenchRow, Unavailable};

/// Both MSMs of a fresh chassis.
const READY: Duration = Duration::from_secs(30);
/// A command that makes a table of the largest size.
const COMMAND: Duration = Duration::from_secs(60);
/// Time for a switch to learn and resolve all that a scenario's frames ask for.
const SETTLE: Duration = Duration::from_secs(20);
/// Frames at a bystander or at the switch's own stack, of all frames: more means that something is not known yet. Neighbour discovery of the hosts is below it.
const ASIDE_AT_MOST: f64 = 0.001;
const ASIDE_FRAMES: f64 = 64.0;

/// What takes the frames at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// An XDP program.
    Xdp,
    /// A tcx program: cheaper for who hands over socket buffers.
    Tcx,
}

/// A scenario at work.
pub struct Stage<'a> {
    /// Of the command line.
    pub options: &'a Options,
    /// The generator's, and with it everybody's.
    pub cpu: usize,
    /// Generator, sinks and their counters.
    pub load: Load,
    /// What is found goes here.
    pub report: &'a mut BenchReport,
    scenario: &'static str,
}

/// The five that most scenarios compare.
pub struct Five {
    /// This switch.
    pub here: Rc<Testbed>,
    /// The bare redirect.
    pub bare: Rc<Testbed>,
    /// The Linux bridge (or whatever socket-buffer peer stands there), received by tcx and by XDP.
    pub peers: [Rc<Testbed>; 2],
    /// Dropped by XDP at the first port: what the generator and one veth hop cost by themselves.
    pub floor: Rc<Testbed>,
}

impl Five {
    /// Them all, with the same frames, in the order here, bare, peer (tcx), peer (XDP), floor.
    #[must_use]
    pub fn contenders(&self, traffic: Traffic, peer: &str) -> Vec<Contender> {
        let one = |name: &str, bed: &Rc<Testbed>, traffic| Contender {
            name: name.into(),
            bed: bed.clone(),
            traffic,
        };
        vec![
            one("here", &self.here, traffic),
            one("bare", &self.bare, traffic),
            one(&format!("{peer}, tcx receiver"), &self.peers[0], traffic),
            one(&format!("{peer}, XDP receiver"), &self.peers[1], traffic),
            one("floor", &self.floor, Traffic { copies: 1, ..traffic }),
        ]
    }
}

/// Place of the floor among [`Five::contenders`].
pub const FLOOR: usize = 4;
/// Places of the peer's two variants.
pub const PEERS: [usize; 2] = [2, 3];
/// Place of the bare redirect.
pub const BARE: usize = 1;

impl<'a> Stage<'a> {
    pub(super) fn new(
        options: &'a Options,
        cpu: usize,
        report: &'a mut BenchReport,
        scenario: &'static str,
    ) -> Result<Self> {
        let mut load = Load::new()?;
        load.urgent();
        Ok(Self { options, cpu, load, report, scenario })
    }

    /// A bed without any receiver: for who sends from sockets.
    ///
    /// # Errors
    /// What building a bed says.
    pub fn plain_bed(&self, label: &str, switch: SwitchKind, hosts: &[HostSpec]) -> Result<Rc<Testbed>> {
        self.start(label, BedOptions { switch, hosts: hosts.to_vec(), ..BedOptions::default() })
    }

    fn start(&self, label: &str, options: BedOptions) -> Result<Rc<Testbed>> {
        let prefix = format!("{}{label}-", self.options.prefix);
        let bed = Testbed::start(BedOptions { prefix, mgmt: false, ..options })
            .with_context(|| format!("building the bed `{label}`"))?;
        if bed.options().switch == SwitchKind::Msm {
            bed.wait_ready(READY)?;
        }
        Ok(Rc::new(bed))
    }

    /// Says that a part of the scenario could not be measured.
    pub fn unavailable(&mut self, what: &str, error: &anyhow::Error) {
        println!("{what}: not available: {error:#}");
        let (scenario, reason) = (self.scenario.to_owned(), format!("{what}: {error:#}"));
        self.report.unavailable.push(Unavailable { scenario, reason });
    }

    /// A bed with a switch, and the generator's receive queue at h1 (live frames need one with NAPI at the sender as well).
    ///
    /// # Errors
    /// What building a bed says.
    pub fn bed(&mut self, label: &str, switch: SwitchKind, hosts: &[HostSpec]) -> Result<Rc<Testbed>> {
        self.bed_with(label, BedOptions { switch, hosts: hosts.to_vec(), ..BedOptions::default() })
    }

    /// The same with other options; prefix and management network are set here.
    ///
    /// # Errors
    /// As [`Stage::bed`].
    pub fn bed_with(&mut self, label: &str, options: BedOptions) -> Result<Rc<Testbed>> {
        let bed = self.start(label, options)?;
        self.load.attach(load_names::SINK_XDP, Place::host(bed.host("h1")?))?;
        Ok(bed)
    }

    /// Receivers at all hosts but h1.
    ///
    /// # Errors
    /// What attaching says.
    pub fn receive(&mut self, bed: &Testbed, receiver: Receiver) -> Result<()> {
        for host in bed.hosts().iter().filter(|host| host.spec.name != "h1") {
            match receiver {
                Receiver::Xdp => self.load.attach(load_names::SINK_XDP, Place::host(host))?,
                Receiver::Tcx => self.load.attach_tcx_sink(Place::host(host))?,
            }
        }
        Ok(())
    }

    /// This switch, configured by `commands`, its hosts receiving by XDP.
    ///
    /// # Errors
    /// What the switch says to a command.
    pub fn here(&mut self, label: &str, hosts: &[HostSpec], commands: &[String]) -> Result<Rc<Testbed>> {
        let bed = self.bed(label, SwitchKind::Msm, hosts)?;
        self.receive(&bed, Receiver::Xdp)?;
        configure(&bed, commands)?;
        Ok(bed)
    }

    /// The bare redirect from h1's port to h3's.
    ///
    /// # Errors
    /// What attaching says.
    pub fn bare(&mut self, hosts: &[HostSpec]) -> Result<Rc<Testbed>> {
        let bed = self.bed("bare", SwitchKind::None, hosts)?;
        self.receive(&bed, Receiver::Xdp)?;
        self.load.attach(load_names::BARE, Place::port(&bed, bed.host("h1")?))?;
        self.load.attach(load_names::BARE, Place::port(&bed, bed.host("h3")?))?;
        self.load.aim_bare(Place::port(&bed, bed.host("h3")?))?;
        Ok(bed)
    }

    /// Frames end at the first port of the switch.
    ///
    /// # Errors
    /// What attaching says.
    pub fn floor(&mut self, hosts: &[HostSpec]) -> Result<Rc<Testbed>> {
        let bed = self.bed("floor", SwitchKind::None, hosts)?;
        self.load.attach(load_names::SINK_XDP, Place::port(&bed, bed.host("h1")?))?;
        Ok(bed)
    }

    /// The Linux bridge, once with each receiver.
    ///
    /// # Errors
    /// What building says.
    pub fn bridges(&mut self, hosts: &[HostSpec]) -> Result<[Rc<Testbed>; 2]> {
        let tcx = self.bed("brtc", SwitchKind::Bridge, hosts)?;
        self.receive(&tcx, Receiver::Tcx)?;
        let xdp = self.bed("brxd", SwitchKind::Bridge, hosts)?;
        self.receive(&xdp, Receiver::Xdp)?;
        Ok([tcx, xdp])
    }

    /// Lets the stations `0..half` of h1 and h3 speak, from each of their hosts, so that a switch that learns knows them.
    ///
    /// # Errors
    /// What the generator says.
    pub fn learn(&mut self, bed: &Testbed, half: u32) -> Result<()> {
        for (host, from) in [("h3", side(3)), ("h1", side(1))] {
            self.load.order(GenState { from_side: from, from_stations: half, ..GenState::default() })?;
            let place = Place::host(bed.host(host)?);
            self.load.generate(load_names::GEN_LEARN, place, 2 * half, self.cpu)?; // each station twice
        }
        Ok(())
    }

    /// Sends until all frames arrive and none goes aside: to a host that it is not for, or to the switch's own stack.
    ///
    /// # Errors
    /// What still went wrong when the time was over.
    pub fn settle(&mut self, contender: &Contender, sample: u32) -> Result<()> {
        let until = Instant::now() + SETTLE;
        loop {
            let before = aside(&contender.bed)?;
            let measured = contender.measure(&mut self.load, sample, self.cpu)?;
            let aside = aside(&contender.bed)?.saturating_sub(before);
            let good = aside as f64 <= ASIDE_FRAMES + ASIDE_AT_MOST * measured.offered as f64;
            // A bystander's copies are received as well: less than all is what matters.
            if good && measured.delivered() > 0.999 {
                return Ok(());
            }
            ensure!(
                Instant::now() < until,
                "{}: of {} frames {} arrived, {aside} went to others or to the stack: it did not learn them",
                contender.name,
                measured.offered,
                measured.received
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The rounds, and an answer to each question. `floor` is the floor's place.
    ///
    /// # Errors
    /// What the generator says.
    pub fn rounds(
        &mut self,
        title: &str,
        contenders: &[Contender],
        compares: &[Compare],
        floor: Option<usize>,
    ) -> Result<()> {
        self.rounds_lossy(title, contenders, compares, floor, &[])
    }

    /// Samples who is compared, and the first that they are compared with.
    fn profile(&mut self, title: &str, contenders: &[Contender], compares: &[Compare]) -> Result<()> {
        let peers = compares.iter().take(1).flat_map(|compare| compare.peers.iter().take(1).copied());
        let shown: BTreeSet<usize> = compares.iter().map(|compare| compare.here).chain(peers).collect();
        for who in shown.into_iter().filter_map(|index| contenders.get(index)) {
            self.report.profiles.extend(profile::print(title, who, &mut self.load, self.cpu)?);
        }
        Ok(())
    }

    /// The same with contenders that lose frames by nature.
    ///
    /// # Errors
    /// As [`Stage::rounds`].
    pub fn rounds_lossy(
        &mut self,
        title: &str,
        contenders: &[Contender],
        compares: &[Compare],
        floor: Option<usize>,
        lossy: &[usize],
    ) -> Result<()> {
        let rounds = rounds::run(contenders, &mut self.load, self.options, self.cpu, lossy)?;
        println!("{title}, {} rounds of {} ms:", self.options.rounds, self.options.millis);
        print!("{}", rounds.table());
        let copies = contenders[0].traffic.copies;
        let rows = compares.iter().map(|compare| rounds.row(self.scenario, compare, floor, copies));
        let rows: Vec<BenchRow> = rows.collect();
        self.report.rows.extend(rows);
        if self.options.profile {
            self.profile(title, contenders, compares)?;
        }
        Ok(())
    }
}

/// Gives a switch its commands.
///
/// # Errors
/// The first command that it refuses, and why.
pub fn configure(bed: &Testbed, commands: &[String]) -> Result<()> {
    let mut cli = bed.cli()?;
    for command in commands {
        cli.run_within(command, COMMAND)?;
    }
    Ok(())
}

/// Gives a switch many commands as one script.
///
/// # Errors
/// The first command that it refuses, and why.
pub fn script(bed: &Testbed, commands: &[String]) -> Result<()> {
    let file = tempfile::NamedTempFile::new().context("making a file for a script")?;
    std::fs::write(file.path(), commands.join("\n") + "\n").context("writing a script")?;
    let load = format!("download configuration {} incremental", file.path().display());
    bed.cli()?.run_within(&load, COMMAND)?;
    Ok(())
}

/// Many lines of `ip` in a namespace.
///
/// # Errors
/// What `ip` says.
pub fn ip_batch(netns: &Netns, lines: &[String]) -> Result<()> {
    use std::io::Write;
    let mut file = tempfile::NamedTempFile::new().context("making a file for `ip -batch`")?;
    file.write_all((lines.join("\n") + "\n").as_bytes()).context("writing lines for `ip -batch`")?;
    run(netns, "ip", &["-batch", &file.path().to_string_lossy()])
}

/// A command in a namespace, which must not fail.
///
/// # Errors
/// What it says.
pub fn run(netns: &Netns, program: &str, args: &[&str]) -> Result<()> {
    let output = netns.command(program).args(args).output();
    let output = output.with_context(|| format!("starting {program} in {}", netns.name()))?;
    ensure!(
        output.status.success(),
        "{program} {} in {}: {}",
        args.join(" "),
        netns.name(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn links(netns: &Netns) -> Result<Vec<Value>> {
    let output = netns.command("ip").args(["-json", "-stats", "link", "show"]).output();
    let output = output.context("starting ip")?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).with_context(|| format!("reading `ip -json link`: {text}"))
}

fn received(link: &Value) -> u64 {
    link["stats64"]["rx"]["packets"].as_u64().unwrap_or_default()
}

/// Frames that went where known ones do not: to h2, which no frame is for, or by a netdev of the switch that is no port and no bridge.
fn aside(bed: &Testbed) -> Result<u64> {
    let bystander: u64 = match bed.host("h2") {
        Ok(host) => links(&host.netns)?.iter().map(received).sum(),
        Err(_) => 0,
    };
    if bed.options().switch != SwitchKind::Msm {
        return Ok(bystander);
    }
    let port = |name: &str| bed.hosts().iter().any(|host| host.spec.switch_dev == name) || name == "lo";
    let inner = links(bed.switch_netns())?;
    let stack = inner.iter().filter(|link| !link["ifname"].as_str().is_some_and(port)).map(received);
    Ok(bystander + stack.sum::<u64>())
}
