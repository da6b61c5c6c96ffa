//! TCP between hosts with the offloads that Linux gives them: this switch by its tcx entry, beside the Linux bridge.

use std::process::{Child, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{four, lines};
use crate::bed::{HOST_DEV, Host, SwitchKind, Testbed};
use crate::bench::stage::{Stage, configure, run as command};
use crate::report::schema::TcpRow;
use crate::report::stats::median;

/// Seconds of a run.
const SECS: u32 = 2;
/// Rounds: each takes two runs of [`SECS`].
const ROUNDS: u32 = 5;
/// Streams, and the least ratio asked for.
const STREAMS: [(u32, f64); 2] = [(1, 0.95), (8, 0.95)];
/// Congestion control. It is named because the machine's default may not react to loss at all.
const CONGESTION: &str = "cubic";
const PORT: u16 = 5201;
/// A server listens by then.
const LISTEN: Duration = Duration::from_secs(5);

/// An iperf3 server, until dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to do about a server that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As Linux makes a veth: what a bed switched off for XDP's sake is on again.
fn default_offloads(bed: &Testbed) -> Result<()> {
    for host in bed.hosts() {
        command(&host.netns, "ethtool", &["-K", HOST_DEV, "tx", "on", "txvlan", "on", "gro", "off"])?;
    }
    Ok(())
}

fn serve(host: &Host) -> Result<Server> {
    let mut server = host.command("iperf3");
    server.args(["--server", "--port", &PORT.to_string()]);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Server(server.spawn().context("starting iperf3; mend: `cargo xtask setup` installs it")?))
}

/// One run; a server that does not listen yet refuses, which is tried again.
fn once(bed: &Testbed, streams: u32) -> Result<f64> {
    let until = Instant::now() + LISTEN;
    loop {
        let json = client(bed, streams)?;
        match json["error"].as_str() {
            None => {
                let rate = json["end"]["sum_received"]["bits_per_second"].as_f64();
                return Ok(rate.context("iperf3 says no rate")? / 1e9);
            }
            Some(error) if Instant::now() > until => {
                bail!("iperf3 in {}: {error}", bed.switch_netns().name())
            }
            Some(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// CPU of the client (and with it of all that its frames pass), and of the server: where the scheduler puts the two is worth more than any switch.
fn affinity() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("0,{}", cpus - 1)
}

fn client(bed: &Testbed, streams: u32) -> Result<Value> {
    let to = bed.host("h3")?.ip().to_string();
    let mut client = bed.host("h1")?.command("iperf3");
    client.args(["--client", &to, "--json", "--port", &PORT.to_string(), "--connect-timeout", "3000"]);
    client.args([
        "--congestion",
        CONGESTION,
        "--time",
        &SECS.to_string(),
        "--parallel",
        &streams.to_string(),
        "--affinity",
        &affinity(),
    ]);
    let output = client.output().context("starting iperf3; mend: `cargo xtask setup` installs it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).with_context(|| format!("iperf3 answered no JSON: {text}"))
}

/// One and eight streams.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    // Not by the stage: a host with a receiving program has no default offloads.
    let bed = |label: &str, switch| -> Result<Rc<Testbed>> { stage.plain_bed(label, switch, &four()) };
    let here = bed("here", SwitchKind::Msm)?;
    let bridge = bed("brtc", SwitchKind::Bridge)?;
    configure(&here, &lines(&["configure ports 1:1-1:2,2:1-2:2 driver tcx"]))?;
    let mut servers = Vec::new();
    for bed in [&here, &bridge] {
        default_offloads(bed)?;
        servers.push(serve(bed.host("h3")?)?);
        once(bed, 1)?;
    }
    let rounds = ROUNDS.min(stage.options.rounds);
    for (streams, bar) in STREAMS {
        let mut rates = Vec::new();
        for _ in 0..rounds {
            rates.push((once(&here, streams)?, once(&bridge, streams)?));
        }
        ensure!(!rates.is_empty(), "no rounds");
        let ratios: Vec<f64> = rates.iter().map(|(here, bridge)| here / bridge).collect();
        let middle = |of: fn(&(f64, f64)) -> f64| median(&rates.iter().map(of).collect::<Vec<_>>());
        stage.report.tcp.push(TcpRow {
            scenario: "tcp".into(),
            name: format!("{streams} stream{}", if streams == 1 { "" } else { "s" }),
            here_gbit_s: middle(|rate| rate.0).unwrap_or_default(),
            peer: "bridge".into(),
            peer_gbit_s: middle(|rate| rate.1).unwrap_or_default(),
            ratio: median(&ratios).unwrap_or_default(),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            rounds: ratios.len(),
            bar: Some(bar),
        });
    }
    Ok(())
}
