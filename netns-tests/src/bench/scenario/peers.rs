//! Userspace switches: Open vSwitch's netdev datapath, DPDK's testpmd on AF_PACKET and AF_XDP. `bench --peers` installs them.
//!
//! They poll or are woken on the first CPU while the generator works on the last one, so they have a CPU more than everybody else. What does not fit
//! their rings is lost; their rate is what arrives.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::four;
use crate::bed::{SwitchKind, Testbed};
use crate::bench::contender::{Contender, Traffic};
use crate::bench::rounds::Compare;
use crate::bench::stage::{Receiver, Stage};

const STATIONS: u32 = 16;
/// A daemon is ready by then.
const READY: Duration = Duration::from_secs(15);
/// Where Debian has OVS's schema.
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// Open vSwitch without services, in a directory of its own.
struct Ovs {
    dir: tempfile::TempDir,
}

fn done(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(output.status.success(), "{:?}: {}", command, String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Ovs {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, self.dir.path());
        }
        command
    }

    fn daemon(&self, bed: &Testbed, program: &str, args: &[String]) -> Result<()> {
        let mut daemon = bed.switch_netns().command(program);
        let file = |kind: &str| format!("--{kind}={}", self.path(&format!("{program}.{kind}")).display());
        daemon.args(args).arg(format!("--pidfile={}", self.path(&format!("{program}.pid")).display()));
        daemon.arg(file("log-file")).args(["--detach", "--no-chdir"]);
        done(self.at_home(&mut daemon)).map(drop)
    }

    fn vsctl(&self, args: &[&str]) -> Result<()> {
        let mut vsctl = Command::new("ovs-vsctl");
        vsctl.arg(format!("--db=unix:{}", self.path("db.sock").display())).arg("--timeout=10").args(args);
        done(self.at_home(&mut vsctl)).map(drop)
    }

    fn start(bed: &Testbed) -> Result<Self> {
        let this = Self { dir: tempfile::tempdir().context("making a directory for Open vSwitch")? };
        let db = this.path("conf.db").display().to_string();
        done(Command::new("ovsdb-tool").args(["create", &db, SCHEMA]))?;
        let socket = this.path("db.sock").display().to_string();
        this.daemon(bed, "ovsdb-server", &[db, format!("--remote=punix:{socket}")])?;
        this.vsctl(&["--no-wait", "init"])?;
        this.daemon(bed, "ovs-vswitchd", &[format!("unix:{socket}")])?;
        this.vsctl(&["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"])?;
        for host in bed.hosts() {
            this.vsctl(&["add-port", "br0", &host.spec.switch_dev])?;
        }
        Ok(this)
    }
}

impl Drop for Ovs {
    fn drop(&mut self) {
        for program in ["ovs-vswitchd", "ovsdb-server"] {
            end(&self.path(&format!("{program}.pid")));
        }
    }
}

/// Ends the process that a pid file of ours names.
fn end(pid_file: &Path) {
    let pid = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // Gone already is as good.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// testpmd between h1's and h3's ports.
struct Testpmd {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Testpmd {
    fn start(bed: &Testbed, driver: &str, prefix: &str) -> Result<Self> {
        let ports = [&bed.host("h1")?.spec.switch_dev, &bed.host("h3")?.spec.switch_dev];
        let mut command = bed.switch_netns().command("dpdk-testpmd");
        // The forwarding lcore is the one that is not the main one: CPU 0.
        command.args([
            "--no-huge",
            "-m",
            "512",
            "--no-pci",
            "--no-telemetry",
            "-l",
            "0,1",
            "--main-lcore",
            "1",
        ]);
        command.args(["--file-prefix", prefix]);
        for (number, port) in ports.iter().enumerate() {
            command.arg(format!("--vdev={driver}{number},iface={port}"));
        }
        command.args([
            "--",
            "--forward-mode=io",
            "--total-num-mbufs=8192",
            "--nb-cores=1",
            "-i",
            "--auto-start",
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("starting dpdk-testpmd")?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin })
    }

    fn lives(&mut self) -> Result<()> {
        match self.child.try_wait().context("asking after dpdk-testpmd")? {
            None => Ok(()),
            Some(status) => bail!("dpdk-testpmd ended: {status}"),
        }
    }
}

impl Drop for Testpmd {
    fn drop(&mut self) {
        use std::io::Write;
        if let Some(mut stdin) = self.stdin.take() {
            let _ = stdin.write_all(b"stop\nquit\n");
        }
        let until = Instant::now() + Duration::from_secs(3);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends until frames arrive (not all: they lose some): the daemon is up and knows its ports.
fn up(stage: &mut Stage<'_>, contender: &Contender, mut lives: impl FnMut() -> Result<()>) -> Result<()> {
    let until = Instant::now() + READY;
    loop {
        lives()?;
        stage.learn(&contender.bed, STATIONS / 2)?;
        if contender.measure(&mut stage.load, 256, stage.cpu)?.delivered() > 0.1 {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{} does not forward after {READY:?}", contender.name);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A bed whose ports poll, as AF_XDP's and the generator's frames need it.
fn bed(stage: &mut Stage<'_>, label: &str) -> Result<Rc<Testbed>> {
    let bed = stage.bed(label, SwitchKind::None, &four())?;
    stage.receive(&bed, Receiver::Tcx)?;
    for host in bed.hosts() {
        crate::bench::stage::run(bed.switch_netns(), "ethtool", &["-K", &host.spec.switch_dev, "gro", "on"])?;
    }
    Ok(bed)
}

/// All that are installed.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let traffic = Traffic::unicast(STATIONS);
    let here = stage.here("here", &four(), &[])?;
    let floor = stage.floor(&four())?;
    let mut contenders = vec![
        Contender { name: "here".into(), bed: here, traffic },
        Contender { name: "floor".into(), bed: floor, traffic },
    ];
    stage.learn(&contenders[0].bed.clone(), STATIONS / 2)?;
    stage.settle(&contenders[0].clone(), 1024)?;
    // One at a time: they poll.
    for (name, driver) in [
        ("Open vSwitch, userspace", None),
        ("testpmd, AF_PACKET", Some("net_af_packet")),
        ("testpmd, AF_XDP", Some("net_af_xdp")),
    ] {
        if let Err(error) = one(stage, &mut contenders, name, driver) {
            stage.unavailable(name, &error);
        }
        contenders.truncate(2);
    }
    Ok(())
}

fn one(
    stage: &mut Stage<'_>,
    contenders: &mut Vec<Contender>,
    name: &'static str,
    driver: Option<&str>,
) -> Result<()> {
    let bed = bed(stage, "peer")?;
    let contender = Contender { name: name.into(), bed: bed.clone(), traffic: Traffic::unicast(STATIONS) };
    contenders.push(contender.clone());
    let compare = Compare { name: "16 stations".into(), here: 0, peers: vec![2], peer: name, bar: None };
    let rounds = |stage: &mut Stage<'_>| stage.rounds_lossy(name, contenders, &[compare], Some(1), &[2]);
    match driver {
        None => {
            let _ovs = Ovs::start(&bed)?;
            up(stage, &contender, || Ok(()))?;
            rounds(stage)
        }
        Some(driver) => {
            let mut testpmd = Testpmd::start(&bed, driver, &stage.options.prefix)?;
            up(stage, &contender, || testpmd.lives())?;
            rounds(stage)
        }
    }
}
