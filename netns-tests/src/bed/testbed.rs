//! A bed as its users hold it.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::check::{check, check_prefix};
use super::host::HOST_DEV;
use super::mgmt::{self, MGMT_NETNS};
use super::netns::NETNS_DIR;
use super::paths::Paths;
use super::product::Product;
use super::{
    BedError, BedOptions, Cli, DropSites, Host, LinkInfo, Netns, Result, Slot, SwitchKind, build, link,
    signals, teardown,
};

const BACKPLANE_PID: &str = "chassis.pid";
/// Time for the switch to show its counters: they are an explanation, not the measurement.
const COUNTERS_WITHIN: Duration = Duration::from_secs(1);

/// Both MSMs up, the slave ready.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// Owner of the pin tree.
    pub master: Slot,
    /// The other.
    pub slave: Slot,
    /// Epoch of the pin tree.
    pub epoch: u64,
    /// When it was seen, [`crate::probe::now_ns`].
    pub at_ns: u64,
}

/// The namespaces of a bed, without the right to take it down: what a probe keeps.
#[derive(Clone, Debug)]
pub(crate) struct Wires {
    pub switch: Arc<Netns>,
    pub hosts: Arc<[Host]>,
    product: Option<Arc<Product>>,
}

impl Wires {
    /// Drop counters of every veth end, and of the product as far as it answers.
    pub(crate) fn drops(&self) -> Result<DropSites> {
        let mut sites = DropSites::of_netdevs(&self.switch, &self.hosts)?;
        if let Some(product) = &self.product {
            sites.add_switch(
                product.cli(None).and_then(|mut cli| cli.run_within("show ports", COUNTERS_WITHIN)),
            );
        }
        Ok(sites)
    }
}

/// A testbed. Dropping it takes it down, unless it was [kept](Testbed::keep) or found by [`Testbed::existing`].
#[derive(Debug)]
pub struct Testbed {
    options: BedOptions,
    wires: Wires,
    mgmt: Option<Netns>,
    paths: Paths,
    _claim: Claim,
}

impl Testbed {
    /// Builds and starts it; with the product in it, `wait_ready` tells when it forwards. Ctrl-C takes it down.
    ///
    /// # Errors
    /// What is missing or taken, with the remedy; whatever was built by then is gone again.
    pub fn start(options: BedOptions) -> Result<Self> {
        check(&options)?;
        let prefix = &options.prefix;
        if let Some(name) = teardown::namespaces(prefix).first() {
            return Err(taken(format!("namespace {name}"), prefix));
        }
        let paths = Paths::of(prefix);
        if paths.pins.exists() {
            return Err(taken(format!("{}", paths.pins.display()), prefix));
        }
        // The kernel gives a name once: who makes the switch namespace has the bed.
        let switch = Netns::create(&format!("{prefix}sw"))?;
        let claim = Claim { prefix: Some(prefix.clone()) };
        signals::register(prefix);
        save(&options, &paths)?;
        let hosts = build::hosts(&options, &switch)?;
        let mgmt = options.has_mgmt().then(|| mgmt::make(prefix, &switch)).transpose()?;
        let product = match options.switch {
            SwitchKind::Msm => Some(Arc::new(Product::new(&options, &switch)?)),
            SwitchKind::Bridge | SwitchKind::None => None,
        };
        if let Some(product) = &product {
            product.write_chassis_file(&options)?;
            product.start(&options, &switch)?;
        }
        let wires = Wires { switch: switch.into(), hosts: hosts.into(), product };
        Ok(Self { options, wires, mgmt, paths, _claim: claim })
    }

    /// The running bed of that prefix. Not taken down on drop.
    ///
    /// # Errors
    /// `BedError::NoBed` if it is not there or not whole.
    pub fn existing(prefix: &str) -> Result<Self> {
        let paths = Paths::of(prefix);
        let missing = |missing: String| BedError::NoBed { prefix: prefix.to_owned(), missing };
        let text =
            std::fs::read_to_string(&paths.state).map_err(|_| missing(paths.state.display().to_string()))?;
        let options: BedOptions =
            serde_json::from_str(&text).map_err(|e| missing(format!("a readable bed file ({e})")))?;
        let open = |name: &str| {
            Netns::open(&format!("{prefix}{name}")).map_err(|_| missing(format!("namespace {prefix}{name}")))
        };
        let switch = open("sw")?;
        let mut hosts = Vec::new();
        for spec in &options.hosts {
            hosts.push(Host { netns: open(&spec.name)?, spec: spec.clone() });
        }
        let product = match options.switch {
            SwitchKind::Msm => Some(Arc::new(Product::new(&options, &switch)?)),
            SwitchKind::Bridge | SwitchKind::None => None,
        };
        let mgmt = options.has_mgmt().then(|| open(MGMT_NETNS)).transpose()?;
        let wires = Wires { switch: switch.into(), hosts: hosts.into(), product };
        Ok(Self { options, wires, mgmt, paths, _claim: Claim { prefix: None } })
    }

    /// Removes every namespace, process, pin and file of the bed of that prefix, whoever left it. Fine when there is none.
    ///
    /// # Errors
    /// The first thing that could not be removed; the others are gone all the same.
    pub fn down(prefix: &str) -> Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Err(BedError::NotRoot);
        }
        check_prefix(prefix)?;
        signals::unregister(prefix);
        teardown::down(prefix)
    }

    /// Leaves it running.
    pub fn keep(mut self) {
        if let Some(prefix) = self._claim.prefix.take() {
            signals::unregister(&prefix);
        }
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> &BedOptions {
        &self.options
    }

    /// The switch's namespace.
    #[must_use]
    pub fn switch_netns(&self) -> &Netns {
        &self.wires.switch
    }

    /// The other end of the management network, if there is one.
    #[must_use]
    pub fn mgmt(&self) -> Option<&Netns> {
        self.mgmt.as_ref()
    }

    /// Host `h1`.
    ///
    /// # Errors
    /// `BedError::NoHost`.
    pub fn host(&self, name: &str) -> Result<&Host> {
        self.wires
            .hosts
            .iter()
            .find(|host| host.spec.name == name)
            .ok_or_else(|| BedError::NoHost(name.to_owned()))
    }

    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.wires.hosts
    }

    /// Runs `work` on a thread of its own inside the switch namespace.
    ///
    /// # Errors
    /// As [`Netns::enter`].
    pub fn in_switch<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        self.wires.switch.enter(work)
    }

    /// The product's run directory.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.paths.run_dir
    }

    /// The product's flash: a directory an MSM.
    #[must_use]
    pub fn flash_dir(&self) -> &Path {
        &self.paths.flash_dir
    }

    /// The product's pin directory, `<bpffs>/msm/<chassis>`.
    #[must_use]
    pub fn pins(&self) -> &Path {
        &self.paths.pins
    }

    /// The binary that runs in this bed.
    ///
    /// # Errors
    /// `BedError::NotTheProduct`.
    pub fn msm_ctl(&self) -> Result<PathBuf> {
        Ok(self.product("the binary")?.msm_ctl())
    }

    /// Slot of the pin tree's owner.
    ///
    /// # Errors
    /// As [`Testbed::owner`].
    pub fn master(&self) -> Result<Slot> {
        Ok(self.owner()?.0)
    }

    /// Slot and epoch in the pin directory's name.
    ///
    /// # Errors
    /// `BedError::Io` if there is no such directory, or two.
    pub fn owner(&self) -> Result<(Slot, u64)> {
        self.product("the owner")?.owner()
    }

    /// Process of the MSM in a slot.
    ///
    /// # Errors
    /// `BedError::Io` if its pid file or the process is not there.
    pub fn pid(&self, slot: Slot) -> Result<Pid> {
        self.product("an MSM's process")?.pid(&msm_pid(slot))
    }

    /// Its pidfd.
    ///
    /// # Errors
    /// As [`Testbed::pid`].
    pub fn pidfd(&self, slot: Slot) -> Result<OwnedFd> {
        self.product("an MSM's process")?.pidfd(&msm_pid(slot))
    }

    /// Signals an MSM; gives the time just before, and its pidfd.
    ///
    /// # Errors
    /// As [`Testbed::pid`].
    pub fn kill(&self, slot: Slot, signal: Signal) -> Result<(u64, OwnedFd)> {
        self.product("an MSM's process")?.kill(&msm_pid(slot), signal)
    }

    /// SIGKILL to the backplane; gives the time just before, and its pidfd.
    ///
    /// # Errors
    /// As [`Testbed::pid`].
    pub fn kill_backplane(&self) -> Result<(u64, OwnedFd)> {
        self.product("the backplane")?.kill(BACKPLANE_PID, Signal::KILL)
    }

    /// Process of the backplane.
    ///
    /// # Errors
    /// As [`Testbed::pid`].
    pub fn backplane_pid(&self) -> Result<Pid> {
        self.product("the backplane")?.pid(BACKPLANE_PID)
    }

    /// Starts the backplane again, after it and both MSMs were killed.
    ///
    /// # Errors
    /// `BedError::Io` if it cannot be executed.
    pub fn start_chassis(&self) -> Result<()> {
        self.product("starting the chassis")?.start(&self.options, &self.wires.switch)
    }

    /// Starts `msm-ctl chassis <arguments> --file <chassis file>`: what is done to the chassis itself, with or without an MSM.
    ///
    /// # Errors
    /// `BedError::Io` if it cannot be executed.
    pub fn chassis_command(&self, arguments: &[&str]) -> Result<Child> {
        let program = self.msm_ctl()?;
        let mut command = self.switch_netns().command(&program);
        command.arg("chassis").args(arguments).arg("--file").arg(&self.paths.chassis_file);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(BedError::io(format!("starting {} chassis", program.display())))
    }

    /// Waits until both MSMs are up, the slave is ready and every port active.
    ///
    /// # Errors
    /// `BedError::Deadline` with the state it was last seen in.
    pub fn wait_ready(&self, within: Duration) -> Result<Ready> {
        self.product("waiting for ready")?.wait_ready(within)
    }

    /// A CLI session that follows the master.
    ///
    /// # Errors
    /// `BedError::Io` if the client cannot be started.
    pub fn cli(&self) -> Result<Cli> {
        self.product("a CLI session")?.cli(None)
    }

    /// A CLI session to one MSM, master or not.
    ///
    /// # Errors
    /// As [`Testbed::cli`].
    pub fn cli_of(&self, slot: Slot) -> Result<Cli> {
        self.product("a CLI session")?.cli(Some(slot))
    }

    /// Data of `show <what>`.
    ///
    /// # Errors
    /// As [`Cli::run`].
    pub fn show(&self, what: &str) -> Result<Value> {
        Ok(self.cli()?.run(&format!("show {what}"))?.data)
    }

    /// Carrier changes of every veth end since it was made, summed.
    ///
    /// # Errors
    /// `BedError::Io` of netlink.
    pub fn carrier_changes(&self) -> Result<u64> {
        let ports: Vec<_> = self.options.hosts.iter().map(|host| host.switch_dev.as_str()).collect();
        let sum = |links: Vec<LinkInfo>, devs: &[&str]| -> u64 {
            let ours = links.iter().filter(|link| devs.contains(&link.name.as_str()));
            ours.map(|link| u64::from(link.carrier_changes)).sum()
        };
        let mut changes = sum(self.links(&self.wires.switch)?, &ports);
        for host in self.wires.hosts.iter() {
            changes += sum(self.links(&host.netns)?, &[HOST_DEV]);
        }
        Ok(changes)
    }

    /// Netdevs of a namespace of the bed.
    ///
    /// # Errors
    /// `BedError::Io` of netlink.
    pub fn links(&self, netns: &Netns) -> Result<Vec<LinkInfo>> {
        netns.enter(link::list)?.map_err(BedError::io(format!("listing netdevs of {}", netns.name())))
    }

    /// Drop counters of every veth end, and of the switch if it is the product and answers.
    ///
    /// # Errors
    /// `BedError::Io` of netlink or ethtool.
    pub fn drops(&self) -> Result<DropSites> {
        self.wires.drops()
    }

    /// Its namespaces, for who lives as long as they like.
    pub(crate) fn wires(&self) -> &Wires {
        &self.wires
    }

    fn product(&self, what: &'static str) -> Result<&Product> {
        self.wires.product.as_deref().ok_or(BedError::NotTheProduct { what, switch: self.options.switch })
    }
}

/// The right and duty to take a bed down.
#[derive(Debug)]
struct Claim {
    prefix: Option<String>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(prefix) = self.prefix.take() {
            if let Err(error) = teardown::down(&prefix) {
                eprintln!("taking the bed `{prefix}` down: {error}");
            }
            signals::unregister(&prefix);
        }
    }
}

fn msm_pid(slot: Slot) -> String {
    format!("msm-{slot}.pid")
}

fn taken(what: String, prefix: &str) -> BedError {
    BedError::NameTaken { what, prefix: prefix.to_owned() }
}

/// For who finds the bed later.
fn save(options: &BedOptions, paths: &Paths) -> Result<()> {
    let dir = paths.state.parent().unwrap_or(Path::new(NETNS_DIR));
    std::fs::create_dir_all(dir).map_err(BedError::io(format!("making {}", dir.display())))?;
    let text = serde_json::to_string_pretty(options).expect("options are plain data");
    std::fs::write(&paths.state, text).map_err(BedError::io(format!("writing {}", paths.state.display())))
}
