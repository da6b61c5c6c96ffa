//! Proof of authority: the new master rules the forwarding plane, and the old one cannot.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::Pid;

use super::traffic::Traffic;
use crate::bed::{Answer, Cli, Slot, Testbed};
use crate::probe::{StreamReport, now_ns};
use crate::report::schema::Authority;

/// The new master must have served by then, or the trial is red.
const SERVE: Duration = Duration::from_secs(3);
/// Silence of the authority flow that is a gap, and frames that were sent into it: of a sender that is kept from its CPU nothing can be missing.
const SILENCE_NS: u64 = 50_000_000;
const SILENCE_FRAMES: u64 = 40;
/// A gap begins with the last arrival before it: up to two of the flow's intervals before the command, and what the sender was late.
const ARRIVAL_MS: f64 = 2.0;
/// Most of a sender's lateness that is allowed for: over 208 trials 0.9 ms was needed. A longer silence before the commit is no proof.
const LATE_MS: f64 = 20.0;
/// Between two looks at the authority flow.
const LOOK: Duration = Duration::from_millis(2);

/// A setting that only a replicated configuration can keep: nobody saves it.
pub(super) struct Setting {
    name: String,
    age_s: u64,
}

impl Setting {
    /// Makes it, unlike that of any other trial.
    pub(super) fn make(cli: &mut Cli, scenario: &str, trial: u32) -> Result<Self> {
        let setting = Self { name: format!("{scenario}-{trial}"), age_s: 1000 + u64::from(trial) };
        cli.run(&format!("configure snmp sysName {}", setting.name))?;
        cli.run(&format!("configure fdb agingtime {}", setting.age_s))?;
        Ok(setting)
    }

    /// True if both parts are in force.
    pub(super) fn kept(&self, bed: &Testbed) -> Result<bool> {
        let switch = bed.show("switch")?.to_string();
        let age = bed.show("fdb")?["agingtime_s"].as_u64();
        Ok(switch.contains(&format!("\"{}\"", self.name)) && age == Some(self.age_s))
    }
}

/// Blackholes `station` through the new master; the answer, or None if nobody served in time.
///
/// The client holds the command until there is a master. One that is no longer master, or not yet, refuses: asked again.
pub(super) fn blackhole(cli: &mut Cli, station: &str, new: Slot) -> Result<Option<Answer>> {
    let deadline = Instant::now() + SERVE;
    let command = format!("create fdbentry {station} vlan Default blackhole");
    while Instant::now() < deadline {
        cli.send(&command)?;
        let answer = cli.answer(deadline.saturating_duration_since(Instant::now()));
        match answer {
            Ok(answer) if answer.ok && answer.slot == Some(new) => return Ok(Some(answer)),
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// Waits for silence of the authority flow; false if it goes on past `deadline_ns`.
pub(super) fn fell_silent(traffic: &Traffic<'_>, deadline_ns: u64) -> Result<bool> {
    loop {
        let sample = traffic.authority()?;
        let (silent_ns, missing) =
            (now_ns().saturating_sub(sample.last_ns), sample.sent.saturating_sub(sample.arrived));
        if silent_ns > SILENCE_NS && missing >= SILENCE_FRAMES {
            return Ok(true);
        }
        if now_ns() > deadline_ns {
            return Ok(false);
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits for the authority flow to arrive again.
pub(super) fn came_back(traffic: &Traffic<'_>, after_ns: u64, within: Duration) -> Result<bool> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if traffic.authority()?.last_ns > after_ns {
            return Ok(true);
        }
        std::thread::sleep(LOOK);
    }
    Ok(false)
}

fn dead(pidfd: &OwnedFd) -> Result<bool> {
    let mut ready = [PollFd::new(pidfd, PollFlags::IN)];
    Ok(poll(&mut ready, Some(&Timespec::default())).context("asking a pidfd")? > 0)
}

/// Map descriptors of a process that may write: fdinfo says `map_id`, and the access mode in the low bits of the octal `flags`.
fn writable_maps(pid: Pid) -> Result<usize> {
    let directory = Path::new("/proc").join(pid.as_raw_nonzero().to_string()).join("fdinfo");
    let entries = match std::fs::read_dir(&directory) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        other => other.with_context(|| format!("reading {}", directory.display()))?,
    };
    let texts = entries.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    Ok(texts.filter(|text| is_writable_map(text)).count())
}

fn is_writable_map(fdinfo: &str) -> bool {
    let value = |key: &str| fdinfo.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let flags = value("flags:").and_then(|octal| u32::from_str_radix(octal, 8).ok());
    value("map_id:").is_some() && flags.is_some_and(|flags| flags & 0o3 != 0)
}

/// The old owner is dead, or alive without a map that it can write.
pub(super) fn powerless(pid: Pid, pidfd: &OwnedFd) -> Result<bool> {
    Ok(dead(pidfd)? || writable_maps(pid)? == 0)
}

/// When the authority flow's gap began, in ms from the commit. It is the longest time around missing numbers: a sender that was kept from
/// its CPU makes a gap too, but loses nothing. None if there was none like it, or it began before the commit: then something else took
/// the frames. `late_us`: the most that a sender was late, for what it sent late was taken late.
pub(super) fn gap_begins_ms(stream: &StreamReport, committed_ns: u64, late_us: f64) -> Option<f64> {
    let holes = stream.flows.iter().map(|flow| &flow.hole);
    let gap = holes.max_by_key(|hole| hole.ns).filter(|hole| hole.ns > SILENCE_NS && stream.lost > 0)?;
    let ms = (gap.begin_ns as f64 - committed_ns as f64) / 1e6;
    (ms >= -ARRIVAL_MS - (late_us / 1e3).min(LATE_MS)).then_some(ms)
}

/// Latest time, after a commit, at which the gap may begin.
pub(super) fn gap_deadline_ns(committed_ns: u64) -> u64 {
    committed_ns + (Authority::GAP_WITHIN_MS * 1e6) as u64 + SILENCE_NS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{FlowReport, Gap};

    #[test]
    fn a_map_is_writable_by_its_access_mode() {
        let fdinfo =
            |flags: &str| format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t16\nmap_type:\t1\nmap_id:\t44\n");
        assert!(is_writable_map(&fdinfo("02000002")), "O_RDWR | O_CLOEXEC");
        assert!(!is_writable_map(&fdinfo("02000000")), "O_RDONLY | O_CLOEXEC");
        assert!(!is_writable_map("pos:\t0\nflags:\t02000002\nprog_id:\t7\n"), "no map");
    }

    #[test]
    fn a_gap_counts_only_with_loss() {
        let hole = Gap { ns: 60_000_000, begin_ns: 1_004_000_000, end_ns: 1_064_000_000 };
        let late = Gap { ns: 200_000_000, begin_ns: 700_000_000, end_ns: 900_000_000 };
        let flow = FlowReport { hole, gaps: vec![Gap::default(), late], ..FlowReport::default() };
        let mut stream = StreamReport {
            lost: 60,
            gaps: vec![Gap::default(), late],
            flows: vec![flow],
            ..StreamReport::default()
        };
        assert_eq!(
            gap_begins_ms(&stream, 1_000_000_000, 0.0),
            Some(4.0),
            "a longer wait of the sender hides it not"
        );
        assert_eq!(gap_begins_ms(&stream, 1_010_000_000, 0.0), None, "it began before the commit");
        let late = gap_begins_ms(&stream, 1_010_000_000, 5000.0);
        assert_eq!(late, Some(-6.0), "no arrival in the 6 ms before it, 5 of which the sender was late");
        assert_eq!(gap_begins_ms(&stream, 1_040_000_000, 250_000.0), None, "no lateness excuses 36 ms");
        stream.lost = 0;
        assert_eq!(gap_begins_ms(&stream, 1_000_000_000, 0.0), None, "late is not lost");
    }
}
