//! The JSON that `run` and `bench` write, schema 4: fields are added, never renamed. (1 had no kinds of traffic, 2 no void trials, 3 no
//! causes, no RFC 6201 and no RFC 2889.)

use serde::{Deserialize, Serialize};

use super::causes::CauseRow;
use super::rfc::{Caching, ResetReport};

/// Version of the shapes in this file.
pub const SCHEMA: u32 = 4;

/// What `run --json` writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Where it ran.
    pub host: Host,
    /// The trial that must lose frames: a probe that cannot see loss proves nothing.
    pub control: Control,
    /// Failovers of each scenario that were asked for, void ones not counted; 0 if the report does not say.
    #[serde(default)]
    pub asked: u32,
    /// Failovers, in the order they were made, void ones among them.
    pub trials: Vec<Trial>,
    /// The run without any event, which must lose nothing.
    #[serde(default)]
    pub quiet: Quiet,
    /// iperf3 without any event, as users know it.
    #[serde(default)]
    pub baseline: Vec<Baseline>,
    /// Kinds of traffic that were not right before any event: they are in no trial, and the run is red.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Causes, each in the factory's configuration and in the hitless one.
    #[serde(default)]
    pub causes: Vec<CauseRow>,
    /// What RFC 6201 asks a report of resets to say, if it was asked for.
    #[serde(default)]
    pub rfc6201: Option<ResetReport>,
    /// RFC 2889's address caching, across failovers.
    #[serde(default)]
    pub caching: Vec<Caching>,
}

/// A kind of traffic that could not be measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// As [`Stream::kind`].
    pub kind: String,
    /// Why.
    pub reason: String,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel release.
    pub kernel: String,
    /// Online CPUs.
    pub cpus: usize,
}

impl Host {
    /// This machine.
    pub fn here() -> Self {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { kernel, cpus }
    }
}

/// The control trial: a port's link is taken away and put back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Frames lost in it, all streams.
    pub lost: u64,
    /// What was done.
    #[serde(default)]
    pub what: String,
    /// Throughput over time.
    #[serde(default)]
    pub timeline: Timeline,
}

/// The quiet run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// Frames a second and direction that the user asked for.
    pub asked_pps: u64,
    /// Rate that was carried without loss, and that the trials used.
    pub carried_pps: u64,
    /// Frames lost at `carried_pps`; more than 0 if no rate was carried.
    pub lost: u64,
    /// One line for each rate that was not carried: the rate, the loss, where the frames went.
    pub misses: Vec<String>,
}

/// One iperf3 run without any event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// For example `tcp cubic h1 -> h3`.
    pub name: String,
    /// Received by the far end.
    pub mbit_per_s: f64,
    /// TCP segments sent again.
    pub tcp_retransmits: u64,
    /// UDP datagrams that did not arrive.
    pub udp_lost: u64,
}

/// One failover.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// `operator` or `crash`.
    pub scenario: String,
    /// What was done: `run msm-failover`, `SIGKILL`, `SIGSEGV`, `panic`.
    pub cause: String,
    /// Number within the scenario, from 1; void ones have theirs.
    pub trial: u32,
    /// The scenario promises that nothing is lost.
    pub hitless: bool,
    /// Numbered frames, one entry a direction. The authority flow is not among them: it is made to lose frames.
    pub streams: Vec<Stream>,
    /// iperf3 beside it.
    pub iperf3: Iperf3,
    /// The supervisors, seen from outside.
    pub control_plane: ControlPlane,
    /// Carrier changes on any port between start and end.
    pub carrier_changes: u64,
    /// Throughput over time, for the picture.
    #[serde(default)]
    pub timeline: Timeline,
    /// Kinds of traffic that were not right before the event, or whose own event did not happen.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Why the trial is red, one line each; empty if it is not.
    #[serde(default)]
    pub faults: Vec<String>,
    /// How well its senders could send.
    #[serde(default)]
    pub senders: Senders,
    /// Why the trial says nothing about the switch, and what that excuses, one line each; empty if it counts. A void trial was made again.
    #[serde(default)]
    pub void: Vec<String>,
}

/// The senders of a trial: what they did not send, nothing could lose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Senders {
    /// Longest time that one of them was kept from its CPU, between the event and the end of the proof of authority; ms.
    pub stall_ms: f64,
    /// Time that the switch's own MSMs ran meanwhile, on all CPUs; ms.
    pub msm_cpu_ms: f64,
}

/// One direction of numbered frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// For example `h1-h3`.
    pub name: String,
    /// Kind of traffic: `switched`, `tagged`, `shared`, `access list`, `moving station`, `routed IPv4`, `routed IPv6`, `changed route`.
    #[serde(default)]
    pub kind: String,
    /// Sending host.
    pub from: String,
    /// Receiving host.
    pub to: String,
    /// Flows; 0 if the report does not say.
    #[serde(default)]
    pub flows: u64,
    /// Rate that was to be offered, frames a second; 0 if the report does not say.
    #[serde(default)]
    pub asked_pps: u64,
    /// Rate offered, frames a second.
    pub offered_pps: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames received once.
    pub received: u64,
    /// Sent and never received.
    pub lost: u64,
    /// Received again.
    pub duplicated: u64,
    /// Received after a later one.
    pub reordered: u64,
    /// Copies seen at a host that they were not for.
    pub flooded: u64,
    /// Arrived at a right host with a wrong tag, address or TTL.
    #[serde(default)]
    pub altered: u64,
    /// Arrived of a stream that an access list denies.
    #[serde(default)]
    pub leaked: u64,
    /// Flows that changed where they arrive (the member of a group, the port of a station, the next hop) too often, or not although
    /// they were to.
    #[serde(default)]
    pub misled: u64,
    /// RFC 6201 by frame loss: lost / offered rate, in ms.
    pub reset_ms_loss: f64,
    /// RFC 6201 by time stamps: last frame before to first frame after, in ms; 0 if nothing was lost.
    pub reset_ms_timestamp: f64,
    /// Longest time without a frame, from the event on, in microseconds.
    pub max_gap_us: f64,
    /// Longest time without a frame in the steady part before the event, in microseconds.
    pub steady_max_gap_us: f64,
    /// Where lost frames went, as far as counters tell.
    #[serde(default)]
    pub where_lost: Vec<String>,
}

/// iperf3 beside a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iperf3 {
    /// TCP segments sent again.
    pub tcp_retransmits: u64,
    /// UDP datagrams that did not arrive.
    pub udp_lost: u64,
}

/// The supervisors in a trial. Times are ms from the event, stamped by the probe's clock (CLOCK_MONOTONIC).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlPlane {
    /// Event to the slave knowing.
    pub detect_ms: f64,
    /// Event to the rename of the pin directory.
    pub commit_ms: f64,
    /// Event to the first configuration change answered by the new master and in force; null if none was.
    pub serving_ms: Option<f64>,
    /// Event to the slave ready again. Null, as above, if it did not come to it.
    pub ready_ms: Option<f64>,
    /// Epoch after the failover.
    pub epoch: u64,
    /// bpf(2) writes to maps other than META by the new master, without those of the authority check.
    pub map_writes: u64,
    /// Changes to netdevs, addresses and routes that the new master asked for over netlink.
    #[serde(default)]
    pub netlink_writes: u64,
    /// What was written to: maps by name, netlink requests by type.
    #[serde(default)]
    pub written: Vec<String>,
    /// Every part of the proof of authority held.
    pub authority: bool,
    /// The parts.
    #[serde(default)]
    pub proof: Authority,
}

/// Proof of authority: a failover that only changed a label would lose nothing too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Authority {
    /// A setting made before, and not saved, is in force after.
    pub setting_kept: bool,
    /// Commit to the first frame missing from the authority flow, in ms; absent if none went missing.
    pub gap_begins_ms: Option<f64>,
    /// The flow came back after the release.
    pub released: bool,
    /// No other flow lost a frame.
    pub others_whole: bool,
    /// The old process is gone, or is slave without a writable map.
    pub old_powerless: bool,
    /// The observer saw the epoch rise by exactly one.
    pub epoch_plus_one: bool,
}

impl Authority {
    /// Longest time from the commit to the gap of the authority flow.
    pub const GAP_WITHIN_MS: f64 = 500.0;

    /// True if every part holds.
    pub fn holds(&self) -> bool {
        self.setting_kept
            && self.gap_begins_ms.is_some_and(|ms| ms <= Self::GAP_WITHIN_MS)
            && self.released
            && self.others_whole
            && self.old_powerless
            && self.epoch_plus_one
    }
}

/// Throughput over time, in bins of equal width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Width of a bin in ms.
    pub bin_ms: f64,
    /// What happened when.
    pub marks: Vec<Mark>,
    /// Streams by name: frames received in each bin.
    pub series: Vec<(String, Vec<u64>)>,
}

/// An instant worth a line in the picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// ms from the timeline's start.
    pub at_ms: f64,
    /// For example `commit`.
    pub what: String,
}

/// What `bench --json` writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// One comparison of rates each.
    pub rows: Vec<BenchRow>,
    /// Where it was measured.
    #[serde(default)]
    pub machine: Machine,
    /// TCP throughput.
    #[serde(default)]
    pub tcp: Vec<TcpRow>,
    /// Latency.
    #[serde(default)]
    pub latency: Vec<LatencyRow>,
    /// Where frames' time went, if asked for.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// What could not be measured.
    #[serde(default)]
    pub unavailable: Vec<Unavailable>,
}

/// The time of one contender's frames by kernel function, from samples of its CPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Name of the scenario.
    pub scenario: String,
    /// Who forwarded.
    pub who: String,
    /// Nanoseconds a frame while samples were taken, which slows it.
    pub frame_ns: f64,
    /// Functions and their share of those, in nanoseconds, the largest first. A program has its name.
    pub functions: Vec<(String, f64)>,
}

impl BenchReport {
    /// Bars that were not met.
    pub fn missed(&self) -> usize {
        let rates = self.rows.iter().filter(|row| row.missed()).count();
        rates + self.tcp.iter().filter(|row| row.missed()).count()
    }
}

/// The machine that a benchmark ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Kernel release.
    pub kernel: String,
    /// Online CPUs.
    pub cpus: usize,
    /// As the CPU calls itself.
    pub cpu: String,
    /// MB of memory.
    pub memory_mb: u64,
    /// Whether it is a virtual machine.
    pub virtual_machine: bool,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let Host { kernel, cpus } = Host::here();
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
            line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let kib = value(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0_u64);
        let virtual_machine = value(&cpu, "flags").split(' ').any(|flag| flag == "hypervisor");
        Self { kernel, cpus, cpu: value(&cpu, "model name"), memory_mb: kib / 1024, virtual_machine }
    }
}

/// TCP through this switch and through a peer. Medians over rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TcpRow {
    /// Name of the scenario.
    pub scenario: String,
    /// What was sent.
    pub name: String,
    /// This switch.
    pub here_gbit_s: f64,
    /// Name of the peer.
    pub peer: String,
    /// The peer.
    pub peer_gbit_s: f64,
    /// Median over rounds of here / peer in the same round.
    pub ratio: f64,
    /// Smallest round.
    pub ratio_min: f64,
    /// Largest round.
    pub ratio_max: f64,
    /// Rounds.
    pub rounds: usize,
    /// Least ratio asked for.
    pub bar: Option<f64>,
}

impl TcpRow {
    /// True if there is a bar and the ratio is below it.
    pub fn missed(&self) -> bool {
        self.bar.is_some_and(|bar| self.ratio < bar)
    }
}

/// One way, from the sender's call to the receiver's first program. Medians over rounds; the slowest of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of the frames took less.
    pub p50_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// 999 of 1,000.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// Frames lost.
    pub lost: u64,
}

/// Latency through this switch and through a peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyRow {
    /// Name of the scenario.
    pub scenario: String,
    /// What was sent.
    pub name: String,
    /// This switch.
    pub here: Percentiles,
    /// Name of the peer.
    pub peer: String,
    /// The peer.
    pub at_peer: Percentiles,
    /// Rounds.
    pub rounds: usize,
}

/// What could not be measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// Name of the scenario.
    pub scenario: String,
    /// Why.
    pub reason: String,
}

/// This switch against one peer. Rates are frames counted at the receiver, in millions a second, medians over rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchRow {
    /// Name of the scenario.
    #[serde(default)]
    pub scenario: String,
    /// What was forwarded.
    pub name: String,
    /// This switch.
    pub here_mpps: f64,
    /// `bare`, `bridge`, `ip_forward`, ...
    pub peer: String,
    /// The peer.
    pub peer_mpps: f64,
    /// Median over rounds of here / peer in the same round.
    pub ratio: f64,
    /// Smallest round.
    pub ratio_min: f64,
    /// Largest round.
    pub ratio_max: f64,
    /// Median of the same ratio after the floor's time a frame (generator and one veth hop) is taken off both; absent if a round's
    /// floor was not below both.
    pub net_ratio: Option<f64>,
    /// Median of this switch's time a frame less the floor's, in ns.
    #[serde(default)]
    pub here_net_ns: Option<f64>,
    /// The peer's.
    #[serde(default)]
    pub peer_net_ns: Option<f64>,
    /// Rounds.
    #[serde(default)]
    pub rounds: usize,
    /// Least ratio asked for; absent where the row is only shown.
    pub bar: Option<f64>,
}

impl BenchRow {
    /// True if there is a bar and the ratio is below it.
    pub fn missed(&self) -> bool {
        self.bar.is_some_and(|bar| self.ratio < bar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issue_s_field_names_are_all_there() {
        let report = Report {
            trials: vec![Trial { streams: vec![Stream::default()], ..Trial::default() }],
            ..Report::default()
        };
        let json = serde_json::to_value(&report).expect("plain data");
        let has = |value: &serde_json::Value, fields: &[&str]| {
            for field in fields {
                assert!(value.get(field).is_some(), "{field} is missing in {value}");
            }
        };
        has(&json, &["schema", "host", "control", "trials"]);
        has(&json["host"], &["kernel", "cpus"]);
        has(&json["control"], &["lost"]);
        let trial = &json["trials"][0];
        has(
            trial,
            &[
                "scenario",
                "cause",
                "trial",
                "hitless",
                "streams",
                "iperf3",
                "control_plane",
                "carrier_changes",
            ],
        );
        let counts = [
            "name",
            "from",
            "to",
            "asked_pps",
            "offered_pps",
            "sent",
            "received",
            "lost",
            "duplicated",
            "reordered",
            "flooded",
        ];
        has(&trial["streams"][0], &counts);
        has(
            &trial["streams"][0],
            &["reset_ms_loss", "reset_ms_timestamp", "max_gap_us", "steady_max_gap_us"],
        );
        has(&trial["iperf3"], &["tcp_retransmits", "udp_lost"]);
        let times = ["detect_ms", "commit_ms", "serving_ms", "ready_ms", "epoch", "map_writes", "authority"];
        has(&trial["control_plane"], &times);
        let row = serde_json::to_value(BenchRow::default()).expect("plain data");
        has(
            &row,
            &[
                "name",
                "here_mpps",
                "peer",
                "peer_mpps",
                "ratio",
                "ratio_min",
                "ratio_max",
                "net_ratio",
                "bar",
            ],
        );
    }

    #[test]
    fn a_report_without_the_added_fields_still_reads() {
        let text = r#"{"schema":1,"host":{"kernel":"6.1","cpus":2},"control":{"lost":7},"trials":[]}"#;
        let report: Report = serde_json::from_str(text).expect("fields that were added have defaults");
        assert_eq!(report.control.lost, 7);
    }
}
