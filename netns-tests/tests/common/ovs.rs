//! Open vSwitch in a namespace, without services: a peer that speaks LACP, and tags and untags by itself.

use std::path::PathBuf;
use std::process::Command;

/// It runs until this is dropped.
pub(crate) struct Ovs {
    dir: tempfile::TempDir,
    netns: String,
}

impl Ovs {
    /// Both daemons, with no bridge yet.
    pub(crate) fn start(netns: &str) -> Self {
        let ovs = Self { dir: tempfile::tempdir().expect("a directory"), netns: netns.to_owned() };
        let at = |name: &str| ovs.dir.path().join(name).display().to_string();
        ovs.run("ovsdb-tool", &["create", &at("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema"]);
        let remote = format!("--remote=punix:{}", at("db.sock"));
        let pid = |name: &str| format!("--pidfile={}", at(name));
        let log = |name: &str| format!("--log-file={}", at(name));
        ovs.run(
            "ovsdb-server",
            &[&at("conf.db"), &remote, &pid("db.pid"), "--detach", &log("db.log"), "--no-chdir"],
        );
        ovs.vsctl(&["--no-wait", "init"]);
        let db = format!("unix:{}", at("db.sock"));
        ovs.run("ovs-vswitchd", &[&db, &pid("v.pid"), "--detach", &log("v.log"), "--no-chdir"]);
        ovs.raise();
        ovs
    }

    /// Another switch has CPUs of its own: it goes before ours here, or its sockets overflow while ours fails over.
    fn raise(&self) {
        let pid = self.pid("v.pid").expect("a daemon");
        // Where real time is not to be had, it runs as it is.
        let _ = Command::new("chrt").args(["-a", "-r", "-p", "3", &pid.to_string()]).status();
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns, program]).args(args);
        for name in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(name, self.dir.path());
        }
        let output = command.output().expect("Open vSwitch");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {err}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn vsctl(&self, args: &[&str]) -> String {
        let db = format!("--db=unix:{}", self.dir.path().join("db.sock").display());
        self.run("ovs-vsctl", &[&[db.as_str(), "--timeout=10"], args].concat())
    }

    fn pid(&self, file: &str) -> Option<i32> {
        std::fs::read_to_string(self.dir.path().join(file)).ok()?.trim().parse().ok()
    }

    pub(crate) fn appctl(&self, args: &[&str]) -> String {
        let pid = self.pid("v.pid").expect("a daemon");
        let socket: PathBuf = self.dir.path().join(format!("ovs-vswitchd.{pid}.ctl"));
        self.run("ovs-appctl", &[&["-t", &socket.display().to_string()], args].concat())
    }

    /// What the switch has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("v.log")).unwrap_or_default()
    }
}

impl Drop for Ovs {
    fn drop(&mut self) {
        for file in ["v.pid", "db.pid"] {
            if let Some(pid) = self.pid(file) {
                // SAFETY: no memory is passed; the process is one that this test started.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }
}
