//! iperf3: the cross-check that users know.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::bed::{Host, Testbed};
use crate::report::schema::Baseline;

/// Ports of the servers: one test at a time each.
const PORTS: [u16; 2] = [5201, 5202];
/// Congestion control of every TCP run. It is named because the machine's default may not react to loss at all.
pub(super) const CONGESTION: &str = "cubic";
/// A server listens by then.
const LISTEN: Duration = Duration::from_secs(5);
/// Hosts that serve.
const SERVING: [&str; 3] = ["h2", "h3", "h4"];

/// iperf3 servers in the hosts, until dropped.
pub(super) struct Servers {
    children: Vec<Child>,
}

fn listening(host: &Host, port: u16) -> Result<bool> {
    let output =
        host.command("cat").arg("/proc/self/net/tcp").output().context("reading /proc/self/net/tcp")?;
    let six =
        host.command("cat").arg("/proc/self/net/tcp6").output().context("reading /proc/self/net/tcp6")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&six.stdout);
    let end = format!(":{port:04X}");
    // local_address, rem_address, state: 0A is LISTEN.
    Ok(text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|f| f.len() > 3 && f[1].ends_with(&end) && f[3] == "0A"))
}

impl Servers {
    /// Starts two in each serving host and waits until they listen.
    pub(super) fn start(bed: &Testbed) -> Result<Self> {
        let mut servers = Self { children: Vec::new() };
        for name in SERVING {
            let host = bed.host(name)?;
            for port in PORTS {
                let child = host
                    .command("iperf3")
                    .args(["--server", "--port", &port.to_string()])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .context("starting iperf3; mend: `cargo xtask setup` installs it")?;
                servers.children.push(child);
            }
            let deadline = Instant::now() + LISTEN;
            while !PORTS.iter().all(|port| listening(host, *port).unwrap_or(false)) {
                if Instant::now() > deadline {
                    bail!("the iperf3 servers in {name} do not listen after {LISTEN:?}");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Nothing is left to do about a server that is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client under way.
pub(super) struct Client {
    name: String,
    child: Child,
}

/// What a client found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) mbit_per_s: f64,
    pub(super) retransmits: u64,
    pub(super) lost: u64,
}

/// One client to run: protocol, hosts, rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) udp: bool,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Mbit/s; 0 is as fast as TCP goes.
    pub(super) mbit: u32,
    pub(super) secs: u32,
}

fn client(from: &Host, to: &Host, job: &Job<'_>) -> Command {
    let mut command = from.command("iperf3");
    command.args(["--client", &to.ip().to_string(), "--json", "--time", &job.secs.to_string()]);
    command.args(["--bitrate", &format!("{}M", job.mbit)]);
    if job.udp {
        command.args(["--udp", "--length", "1200", "--port", &PORTS[1].to_string()]);
    } else {
        command.args(["--congestion", CONGESTION, "--port", &PORTS[0].to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Client {
    /// Starts it.
    pub(super) fn start(bed: &Testbed, job: &Job<'_>) -> Result<Self> {
        let protocol = if job.udp { "udp".to_owned() } else { format!("tcp {CONGESTION}") };
        let name = format!("{protocol} {} -> {}", job.from, job.to);
        let child = client(bed.host(job.from)?, bed.host(job.to)?, job).spawn();
        Ok(Self { name, child: child.context("starting iperf3; mend: `cargo xtask setup` installs it")? })
    }

    /// Waits for its end.
    pub(super) fn end(self) -> Result<Found> {
        let output = self.child.wait_with_output().context("waiting for iperf3")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let json: Value = serde_json::from_str(&text)
            .with_context(|| format!("iperf3 {} answered no JSON: {text}", self.name))?;
        if let Some(error) = json["error"].as_str() {
            return Err(anyhow!("iperf3 {}: {error}", self.name));
        }
        Ok(found(&json["end"]))
    }

    /// The same, as a line of the baseline.
    pub(super) fn baseline(self) -> Result<Baseline> {
        let name = self.name.clone();
        let found = self.end()?;
        let Found { mbit_per_s, retransmits: tcp_retransmits, lost: udp_lost } = found;
        Ok(Baseline { name, mbit_per_s, tcp_retransmits, udp_lost })
    }
}

/// Reads the `end` object. TCP has `sum_received` and counts retransmits in `sum_sent`; UDP has `sum`.
fn found(end: &Value) -> Found {
    let udp = end["sum"]["lost_packets"].as_u64();
    let rate = if udp.is_some() { &end["sum"] } else { &end["sum_received"] };
    Found {
        mbit_per_s: rate["bits_per_second"].as_f64().unwrap_or_default() / 1e6,
        retransmits: end["sum_sent"]["retransmits"].as_u64().unwrap_or_default(),
        lost: udp.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_and_udp_results_read() {
        let tcp = serde_json::json!({"sum_sent": {"bits_per_second": 4.1e9, "retransmits": 3}, "sum_received": {"bits_per_second": 4e9}});
        assert_eq!(found(&tcp), Found { mbit_per_s: 4000.0, retransmits: 3, lost: 0 });
        let udp = serde_json::json!({"sum": {"bits_per_second": 2e6, "lost_packets": 7, "packets": 100}});
        assert_eq!(found(&udp), Found { mbit_per_s: 2.0, retransmits: 0, lost: 7 });
    }
}
