//! The product in a bed: its chassis file, its processes, what it says about itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use super::cli::Cli;
use super::mgmt::MGMT_DEV;
use super::mounts;
use super::paths::{self, BPFFS, Paths};
use super::{BedError, BedOptions, FailoverOptions, Netns, Ready, Result, Slot};
use crate::probe::now_ns;

/// Time between two looks at a condition: short against what is waited for, long against a look.
const LOOK: Duration = Duration::from_millis(5);

/// MAC address of every bed's chassis: its router has it.
pub const SYSTEM_MAC: [u8; 6] = [0x02, 0xe0, 0x2b, 0, 0, 0x01];

/// The product's side of a bed.
#[derive(Debug)]
pub(super) struct Product {
    pub paths: Paths,
    image: PathBuf,
    /// Inode of the switch namespace: a process that is not in it is not this chassis's.
    netns: u64,
}

impl Product {
    pub(super) fn new(options: &BedOptions, switch: &Netns) -> Result<Self> {
        let image = paths::image(options.image.as_deref())?;
        Ok(Self { paths: Paths::of(&options.prefix), image, netns: switch.inode()? })
    }

    /// Refuses early what would fail late.
    pub(super) fn check(options: &BedOptions) -> Result<()> {
        paths::image(options.image.as_deref())?;
        let magic = rustix::fs::statfs(BPFFS).map(|fs| fs.f_type as u64).unwrap_or(0);
        if magic != libc::BPF_FS_MAGIC as u64 {
            return Err(BedError::NoBpffs { path: PathBuf::from(BPFFS) });
        }
        Ok(())
    }

    pub(super) fn msm_ctl(&self) -> PathBuf {
        self.image.join("msm-ctl")
    }

    pub(super) fn write_chassis_file(&self, options: &BedOptions) -> Result<()> {
        let path = &self.paths.chassis_file;
        std::fs::write(path, self.chassis_file(options))
            .map_err(BedError::io(format!("writing {}", path.display())))
    }

    fn chassis_file(&self, options: &BedOptions) -> String {
        use std::fmt::Write;
        let quoted = |path: &Path| toml_string(&path.to_string_lossy());
        let mut text = format!(
            "# A testbed: its failover options are its own where the product's defaults are the manual's.\n\
             name = {}\ntype = \"BD6808\"\nsystem_mac = \"{}\"\nimage = {}\nrun_dir = {}\nflash_dir = {}\n",
            toml_string(&options.chassis()),
            super::mac_text(SYSTEM_MAC),
            quoted(&self.image),
            quoted(&self.paths.run_dir),
            quoted(&self.paths.flash_dir),
        );
        if let Some(capacity) = options.fdb_capacity {
            let _ = writeln!(text, "fdb_capacity = {capacity}");
        }
        if options.has_mgmt() {
            let _ = writeln!(text, "mgmt = {}", toml_string(MGMT_DEV));
        }
        text += "\n[options]\n";
        let FailoverOptions { sys_recovery_level, link_action, slave_config, routing } = &options.failover;
        let failover = [
            ("sys_recovery_level", sys_recovery_level),
            ("link_action", link_action),
            ("slave_config", slave_config),
            ("routing", routing),
        ];
        for (key, value) in failover {
            let _ = value.as_ref().map(|value| writeln!(text, "{key} = {}", toml_string(value)));
        }
        for host in &options.hosts {
            let _ = write!(
                text,
                "\n[[port]]\nport = {}\nnetdev = {}\n",
                toml_string(&host.port),
                toml_string(&host.switch_dev)
            );
        }
        text
    }

    /// Starts the backplane inside the switch namespace. It lives on when this process ends.
    pub(super) fn start(&self, options: &BedOptions, switch: &Netns) -> Result<()> {
        let log_path = &self.paths.start_log;
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_path)
            .map_err(BedError::io(format!("opening {}", log_path.display())))?;
        let errors = log.try_clone().map_err(BedError::io("copying a descriptor"))?;
        let mut command = Command::new(self.msm_ctl());
        command.arg("chassis").arg("--file").arg(&self.paths.chassis_file);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        switch.place(&mut command);
        mounts::place(&options.mounts, &self.paths.flash_dir, &mut command)?;
        new_session(&mut command);
        let mut child = command
            .spawn()
            .map_err(BedError::io(format!("starting {} chassis", self.msm_ctl().display())))?;
        // Reaped when it ends: nobody else would while this process lives.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Slot and epoch in the pin directory's name.
    pub(super) fn owner(&self) -> Result<(Slot, u64)> {
        let pins = &self.paths.pins;
        let entries = std::fs::read_dir(pins).map_err(BedError::io(format!("reading {}", pins.display())))?;
        let mut owners = entries.filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let (slot, epoch) = name.to_str()?.split_once('-')?;
            Some((Slot::parse(slot)?, epoch.parse().ok()?))
        });
        let not_one = |what: &str| BedError::Io {
            what: format!("finding the owner in {}", pins.display()),
            source: std::io::Error::new(std::io::ErrorKind::NotFound, what.to_owned()),
        };
        let owner = owners.next().ok_or_else(|| not_one("no directory named <slot>-<epoch>"))?;
        if owners.next().is_some() {
            return Err(not_one("two directories named <slot>-<epoch>"));
        }
        Ok(owner)
    }

    /// Process named by a pid file, if it lives in this bed.
    pub(super) fn pid(&self, file: &str) -> Result<Pid> {
        let path = self.paths.run_dir.join(file);
        let text =
            std::fs::read_to_string(&path).map_err(BedError::io(format!("reading {}", path.display())))?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        pid.filter(|&pid| super::process::netns_of(pid) == Some(self.netns)).ok_or_else(|| BedError::Io {
            what: format!("{}: `{}`", path.display(), text.trim()),
            source: std::io::Error::new(std::io::ErrorKind::NotFound, "no process of this bed"),
        })
    }

    pub(super) fn pidfd(&self, file: &str) -> Result<OwnedFd> {
        let pid = self.pid(file)?;
        pidfd_open(pid, PidfdFlags::empty())
            .map_err(BedError::sys(format!("pidfd of {file} {}", pid.as_raw_pid())))
    }

    /// Signals the process of a pid file; gives the time just before and its pidfd.
    pub(super) fn kill(&self, file: &str, signal: Signal) -> Result<(u64, OwnedFd)> {
        let pidfd = self.pidfd(file)?;
        let at_ns = now_ns();
        pidfd_send_signal(&pidfd, signal).map_err(BedError::sys(format!("{signal:?} to {file}")))?;
        Ok((at_ns, pidfd))
    }

    pub(super) fn cli(&self, slot: Option<Slot>) -> Result<Cli> {
        Cli::start(&self.msm_ctl(), &self.paths.run_dir, slot)
    }

    /// Both MSMs up, the slave ready, every port of the bed active.
    pub(super) fn wait_ready(&self, within: Duration) -> Result<Ready> {
        let until = Instant::now() + within;
        let mut session = None;
        let mut last;
        loop {
            match self.look(&mut session) {
                Ok(Ok(ready)) => return Ok(ready),
                Ok(Err(state)) => last = state,
                Err(error) => {
                    session = None;
                    last = error.to_string();
                }
            }
            if Instant::now() >= until {
                return Err(BedError::Deadline { what: self.what_ready(), within, last });
            }
            std::thread::sleep(LOOK);
        }
    }

    fn what_ready(&self) -> String {
        let log = std::fs::read_to_string(&self.paths.start_log).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(5).collect();
        let tail = if tail.is_empty() { String::new() } else { format!(" (chassis: {})", tail.join(" | ")) };
        format!("chassis ready, with a ready slave{tail}")
    }

    /// One look: ready, or the state it is in.
    fn look(&self, session: &mut Option<Cli>) -> Result<std::result::Result<Ready, String>> {
        let (master, epoch) = self.owner()?;
        let session = match session {
            Some(session) => session,
            None => session.insert(self.cli(None)?),
        };
        let failover = session.run("show msm-failover")?.data;
        if !able(&failover, master.other()) {
            return Ok(Err(format!("msm-failover: {failover}")));
        }
        let ports = session.run("show ports")?.data;
        let ready = |port: &Value| port["state"].as_str() == Some("active");
        match ports["ports"].as_array() {
            Some(list) if !list.is_empty() && list.iter().all(ready) => {}
            _ => return Ok(Err(format!("ports: {ports}"))),
        }
        if self.owner()? != (master, epoch) {
            return Ok(Err("a failover".to_owned()));
        }
        Ok(Ok(Ready { master, slave: master.other(), epoch, at_ns: now_ns() }))
    }
}

/// The slave is ready; or it is there, and has its own configuration, so that there is nothing to get ready.
fn able(failover: &Value, slave: Slot) -> bool {
    let slot = Some(slave.letter());
    let mut msms = failover["msm"].as_array().into_iter().flatten();
    let mut there = || msms.any(|msm| msm["slot"].as_str() == slot && msm["role"].as_str() == Some("slave"));
    failover["ready_slot"].as_str() == slot || (failover["slave_config"].as_str() == Some("flash") && there())
}

/// Away from the terminal: Ctrl-C is for the testbed, which then takes the chassis down itself.
fn new_session(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only setsid is called, which is a plain system call.
    unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
}

/// A TOML basic string.
fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
