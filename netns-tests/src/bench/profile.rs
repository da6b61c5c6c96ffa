//! Where a frame's time goes: samples of the generator's CPU by function, as nanoseconds a frame.
//!
//! Functions of programs have the names that the kernel's JIT gives them (`bpf_prog_..._ingress`).

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::contender::Contender;
use super::load::Load;
use crate::report::table::columns;

/// Samples a second: no multiple of a timer's.
const FREQUENCY: &str = "4999";
/// Seconds.
const SECS: &str = "2";
/// Above every generator's.
const PRIORITY: &str = "60";
/// Frames of one call of the generator.
const FRAMES: u32 = 200_000;
/// Functions shown.
const SHOWN: usize = 24;
/// The generator's process, in whose softirq all happens.
const COMM: &str = "msm-bed";
/// Characters of a function's name.
const NAME: usize = 48;
/// For who has no perf.
const INSTEAD: &str = "perf is not there; stages by test runs: `cargo test -p msm-dataplane --test pipeline time_a_frame -- --nocapture`";

/// Functions and their part of the samples, of `perf report`'s text.
fn parse(text: &str) -> Vec<(f64, String)> {
    let line = |line: &str| {
        let (part, function) = line.trim().split_once('%')?;
        // Some versions have a column more behind it.
        let mut words = function.split("  ").map(str::trim).filter(|word| !word.is_empty());
        let function = words.next()?.trim_start_matches("[k]").trim_start_matches("[.]").trim();
        Some((part.trim().parse().ok()?, function.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

/// Sends what the contender sends for as long as samples are taken, and prints the functions that took most.
///
/// # Errors
/// What the generator or perf says.
pub(super) fn print(contender: &Contender, load: &mut Load, cpu: usize) -> Result<()> {
    let dir = tempfile::tempdir().context("making a directory for perf")?;
    let data = dir.path().join("perf.data");
    // Before the generator and not beside it: a generator that is urgent would not let perf begin on its CPU.
    let mut record = Command::new("chrt");
    record.args([
        "--fifo",
        PRIORITY,
        "perf",
        "record",
        "--quiet",
        "--event",
        "cpu-clock",
        "--freq",
        FREQUENCY,
        "--cpu",
        &cpu.to_string(),
    ]);
    record.arg("--output").arg(&data).args(["--", "sleep", SECS]);
    record.stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = record.spawn() else {
        println!("{INSTEAD}");
        return Ok(());
    };
    let ended = AtomicBool::new(false);
    let (mut frames, started) = (0_u64, Instant::now());
    let elapsed = std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = child.wait();
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            contender.traffic.send(load, &contender.bed, FRAMES, cpu)?;
            frames += u64::from(FRAMES);
        }
        anyhow::Ok(started.elapsed())
    })?;
    let ns = elapsed.as_nanos() as f64 / frames as f64;
    let mut report = Command::new("perf");
    report.arg("report").arg("--input").arg(&data).args([
        "--stdio",
        "--no-children",
        "--comm",
        COMM,
        "--sort",
        "symbol",
    ]);
    let output = report.output().context("starting perf report")?;
    let functions = parse(&String::from_utf8_lossy(&output.stdout));
    ensure!(!functions.is_empty(), "perf took no samples: {}", String::from_utf8_lossy(&output.stderr));
    let row = |(part, function): &(f64, String)| {
        let function = function.chars().take(NAME).collect();
        vec![function, format!("{part:.1} %"), format!("{:.0}", part / 100.0 * ns)]
    };
    println!("{}: {ns:.0} ns a frame", contender.name);
    print!(
        "{}",
        columns(
            &["function", "part", "ns a frame"],
            &functions.iter().take(SHOWN).map(row).collect::<Vec<_>>()
        )
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_s_text_reads() {
        let text = "# Overhead  Symbol\n#\n    25.60%  [k] bpf_prog_1234_ingress   -      -  \n     5.40%  [k] veth_poll\n\n";
        assert_eq!(parse(text), [(25.6, "bpf_prog_1234_ingress".to_owned()), (5.4, "veth_poll".to_owned())]);
    }
}
