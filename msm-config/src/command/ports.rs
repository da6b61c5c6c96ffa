//! `ports` and `capture`.

use super::rule::{Rule, given};
use super::{Action, Command};
use crate::grammar::Arguments;
use crate::model::{Change, PortsChange};

/// Frames of a capture without a count.
const FRAMES: u32 = 10_000;
/// Seconds of a capture without a duration.
const SECONDS: u32 = 60;

fn enable(a: &Arguments, enable: bool) -> Result<Command, String> {
    Ok(Command::Change(Change::Ports(PortsChange { enable, ports: a.ports("portlist") })))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("enable ports [all | <portlist>]", "Lets ports receive and send", |a| enable(a, true))
        .default("all ports are enabled")
        .example(&["enable ports 1:1-1:2"]),
    Rule::new("disable ports [all | <portlist>]", "Stops ports from receiving and sending", |a| {
        enable(a, false)
    })
    .example(&["disable ports 1:2", "enable ports 1:2"]),
    Rule::new(
        "capture port <port> <file> {count <frames:1..1000000>} {duration <seconds:1..3600>}",
        "Writes what a port really receives and sends into a pcapng file where the client runs",
        |a| {
            Ok(Command::Act(Action::Capture {
                port: given(a.port("port"))?,
                file: given(a.text("file"))?,
                count: a.number("frames").unwrap_or(FRAMES),
                seconds: a.number("seconds").unwrap_or(SECONDS),
            }))
        },
    )
    .default("ends after 10,000 frames or 60 seconds, or with Ctrl-C")
    .example(&["capture port 1:1 /tmp/msm-example.pcapng count 100 duration 1"]),
    Rule::new("clear counters", "Counters of all ports begin at zero for show ports", |_| {
        Ok(Command::Act(Action::ClearCounters))
    })
    .example(&["clear counters"]),
];
