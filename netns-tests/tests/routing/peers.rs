//! Routers beside the switch.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use netns_tests::bed::Host;
use serde_json::Value;

const FRR: &str = "/usr/lib/frr";

/// Fast, and a helper to who restarts.
pub(crate) const FRR_OSPF: &str = "\
interface eth0\n ip ospf area 0\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf priority 0\nexit\n\
router ospf\n ospf router-id 2.2.2.2\n redistribute connected\n timers throttle spf 0 50 200\n timers throttle lsa all 0\n \
timers lsa min-arrival 0\n capability opaque\n graceful-restart helper enable\nexit\n";
/// A host, as far as OSPF is concerned.
pub(crate) const FRR_NONE: &str = "router rip\nexit\n";
pub(crate) const BIRD_OSPF: &str = "\
protocol ospf v2 {\n ipv4 { import all; export none; };\n tick 1;\n area 0 {\n  interface \"eth0\" { hello 1; dead 4; wait 4; priority 0; };\n  \
interface \"lo\" { stub; };\n };\n}\n";
pub(crate) const FRR_BGP: &str = "\
router bgp 65002\n bgp router-id 2.2.2.2\n no bgp ebgp-requires-policy\n bgp graceful-restart restart-time 1\n coalesce-time 0\n neighbor 10.1.0.1 remote-as 65001\n \
neighbor 10.1.0.1 timers 1 3\n neighbor 10.1.0.1 timers connect 1\n address-family ipv4 unicast\n  network 10.91.0.0/16\n exit-address-family\nexit\n\
router rip\n network eth0\n redistribute connected\n version 2\n timers basic 5 180 120\nexit\n";
pub(crate) const BIRD_BGP: &str = "\
protocol bgp {\n local 10.3.0.2 as 65003;\n neighbor 10.3.0.1 as 65001;\n connect retry time 1;\n connect delay time 1;\n graceful restart on;\n \
ipv4 { import all; export where net = 10.93.0.0/16; };\n}\n";

/// Its address towards the switch, and one of the network behind it.
pub(crate) fn addresses(host: &Host, link: &str, behind: &str) {
    for (action, address, device) in
        [("flush", None, "eth0"), ("add", Some(link), "eth0"), ("add", Some(behind), "lo")]
    {
        let mut command = host.command("ip");
        command.args(["addr", action]).args(address).args(["dev", device]);
        assert!(command.status().expect("ip").success(), "ip addr {action} {address:?} dev {device}");
    }
}

/// A way by hand.
pub(crate) fn route(host: &Host, network: &str, gateway: &str) {
    let mut command = host.command("ip");
    command.args(["route", "add", network, "via", gateway]);
    assert!(command.status().expect("ip").success(), "ip route add {network} via {gateway}");
}

/// FRR, with its files in a mount namespace of its own.
pub(crate) struct Frr {
    run: PathBuf,
}

impl Frr {
    pub(crate) fn start(host: &Host, dir: &Path, configuration: &str) -> Self {
        let root = dir.join("peer-frr");
        let (run, etc) = (root.join("run"), root.join("etc"));
        let daemons: &[&str] = if configuration.contains("router bgp") {
            &["zebra", "bgpd", "ripd"]
        } else {
            &["zebra", "ospfd"]
        };
        for dir in [&run, &etc] {
            std::fs::create_dir_all(dir).expect("a directory");
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("a mode");
            give(dir);
        }
        for daemon in daemons {
            let file = etc.join(format!("{daemon}.conf"));
            let own = blocks(configuration, daemon);
            std::fs::write(&file, own).expect("a file");
            give(&file);
        }
        let start: String = daemons.iter().map(|daemon| format!("{FRR}/{daemon} -d -P 0\n")).collect();
        let lines = format!(
            "set -e\nmkdir -p /run/frr\nmount --bind {} /run/frr\nmount --bind {} /etc/frr\nsysctl -qw net.ipv4.ip_forward=1\n{start}",
            run.display(),
            etc.display()
        );
        let mut command = host.command("unshare");
        command.args(["--mount", "--propagation", "slave", "sh", "-c", &lines]);
        let output = command.stdin(Stdio::null()).output().expect("unshare");
        assert!(output.status.success(), "{output:?}");
        Self { run }
    }

    fn ask(&self, question: &str) -> Value {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(&self.run).args(["-c", question]);
        let output = command.output().expect("vtysh");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// It has a route of a protocol to there, in force.
    pub(crate) fn has_route(&self, network: &str) -> bool {
        let routes = self.ask("show ip route json");
        routes[network].as_array().is_some_and(|routes| {
            routes.iter().any(|route| route["installed"] == true && route["protocol"] != "connected")
        })
    }

    /// Changes of state of its neighbour, the switch, since it knows it.
    pub(crate) fn state_changes(&self) -> u64 {
        let shown = self.ask("show ip ospf neighbor detail json");
        let neighbor = &shown["neighbors"]["1.1.1.1"][0];
        assert!(neighbor["nbrState"].as_str().is_some_and(|state| state.starts_with("Full")), "{shown:#}");
        neighbor["stateChangeCounter"].as_u64().expect("a counter")
    }
}

/// The blocks that are this daemon's.
fn blocks(text: &str, daemon: &str) -> String {
    let mut out = String::new();
    let mut own = false;
    for line in text.lines() {
        if !line.starts_with(' ') && line != "exit" {
            own = match daemon {
                "ospfd" => line.starts_with("interface") || line == "router ospf",
                "bgpd" => line.starts_with("router bgp"),
                "ripd" => line == "router rip",
                _ => false,
            };
        }
        if own {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn give(path: &Path) {
    let id = |file: &str| {
        let text = std::fs::read_to_string(file).expect("a file of users");
        let line = text.lines().find(|line| line.starts_with("frr:")).expect("FRR's user").to_owned();
        line.split(':').nth(2).and_then(|id| id.parse().ok()).expect("an id")
    };
    chown(path, Some(id("/etc/passwd")), Some(id("/etc/group"))).expect("FRR's");
}

/// BIRD 2.
pub(crate) struct Bird {
    socket: PathBuf,
}

impl Bird {
    pub(crate) fn start(host: &Host, dir: &Path, protocols: &str) -> Self {
        let root = dir.join("peer-bird");
        std::fs::create_dir_all(&root).expect("a directory");
        let (socket, file) = (root.join("bird.ctl"), root.join("bird.conf"));
        let text = format!(
            "router id 3.3.3.3;\nprotocol device {{ scan time 1; }}\nprotocol direct {{ ipv4; interface \"lo\"; }}\n\
             protocol kernel {{ ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n{protocols}"
        );
        std::fs::write(&file, text).expect("a file");
        let mut command = host.command("bird");
        command.arg("-c").arg(&file).arg("-s").arg(&socket).arg("-P").arg(root.join("bird.pid"));
        let output = command.stdin(Stdio::null()).output().expect("bird");
        assert!(output.status.success(), "{output:?}");
        Self { socket }
    }

    /// It has a route of a protocol to there, in force.
    pub(crate) fn has_route(&self, network: &str) -> bool {
        let mut command = Command::new("birdc");
        command.arg("-s").arg(&self.socket).args(["show", "route", "for", network]);
        let output = command.output().expect("birdc");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .any(|line| line.starts_with(network) && line.contains('*'))
    }
}
