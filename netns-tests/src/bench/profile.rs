//! Where a frame's time goes: samples of the generator's CPU by function, as nanoseconds a frame.
//!
//! Functions of programs have the names that the kernel's JIT gives them (`bpf_prog_..._ingress`).

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::contender::Contender;
use super::load::Load;
use crate::report::schema::Profile;
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

/// `bpf_prog_0123456789abcdef_ingress` is the program `ingress`.
fn plain(function: &str) -> String {
    let program = function.strip_prefix("bpf_prog_").and_then(|name| name.split_once('_'));
    program.map_or_else(|| function.to_owned(), |(_, name)| format!("{name} (program)"))
}

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

/// Sends what the contender sends for as long as samples are taken, and prints the functions that took most. `None` without perf.
///
/// # Errors
/// What the generator or perf says.
pub(super) fn print(
    scenario: &str,
    contender: &Contender,
    load: &mut Load,
    cpu: usize,
) -> Result<Option<Profile>> {
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
        return Ok(None);
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
    let functions: Vec<(String, f64)> =
        functions.iter().map(|(part, function)| (plain(function), part / 100.0 * ns)).collect();
    let row = |(function, part): &(String, f64)| {
        let function = function.chars().take(NAME).collect();
        vec![function, format!("{:.1} %", part / ns * 100.0), format!("{part:.0}")]
    };
    println!("{}: {ns:.0} ns a frame", contender.name);
    print!(
        "{}",
        columns(
            &["function", "part", "ns a frame"],
            &functions.iter().take(SHOWN).map(row).collect::<Vec<_>>()
        )
    );
    let functions = functions.into_iter().take(SHOWN).collect();
    Ok(Some(Profile { scenario: scenario.to_owned(), who: contender.name.clone(), frame_ns: ns, functions }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_s_text_reads() {
        let text = "# Overhead  Symbol\n#\n    25.60%  [k] bpf_prog_1234_ingress   -      -  \n     5.40%  [k] veth_poll\n\n";
        assert_eq!(plain("bpf_prog_1234_ingress"), "ingress (program)");
        assert_eq!(plain("veth_poll"), "veth_poll");
        assert_eq!(parse(text), [(25.6, "bpf_prog_1234_ingress".to_owned()), (5.4, "veth_poll".to_owned())]);
    }
}
