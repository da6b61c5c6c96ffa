//! The fuzz targets, each for a bounded time: what strangers write must not bring the switch down.
//!
//! Built by the stable compiler with the flags that cargo-fuzz would give, less the sanitizers (those need a nightly
//! one, and the code under test has no unsafe). `cargo fuzz run TARGET` works in the same folder where it is installed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::ebpf::Object;
use crate::rustc::Rustc;
use crate::tree::Tree;
use crate::{command, privileged};

/// Coverage instrumentation that libFuzzer reads.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
];
/// Targets that run programs in the kernel.
const WITH_ROOT: [&str; 1] = ["frame"];
/// Seconds of one target.
const SHORT: u32 = 20;
const LONG: u32 = 300;
/// Bounds of one input: its bytes, seconds it may take; and MB of the whole process. Inputs here take microseconds.
const INPUT_MAX: u32 = 8192;
const TIMEOUT: u32 = 5;
const MEMORY_MB: u32 = 1024;
/// Lines of a failed run that are shown.
const SHOWN: usize = 40;

/// Builds every target and runs all at the same time. The first failure does not hide the others.
pub(super) fn all(tree: &Tree, long: bool) -> Result<()> {
    let programs = programs(tree)?;
    let mut cargo = cargo(tree, "build")?;
    cargo.args(["--bins", "--message-format=short"]);
    command::run(
        &mut cargo,
        "building the fuzz targets; if their lock is out of date: `cargo update --workspace --manifest-path fuzz/Cargo.toml`",
    )?;
    let seconds = if long { LONG } else { SHORT };
    let failed: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> =
            programs.iter().map(|program| scope.spawn(move || run(tree, program, seconds))).collect();
        let ends = runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a thread panicked")));
        ends.filter_map(|end| end.err().map(|error| format!("{error:#}"))).collect()
    });
    ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}

/// The lints of the targets. They are a workspace of their own, which the others' check does not see.
pub(super) fn lints(tree: &Tree) -> Result<()> {
    let mut cargo = cargo(tree, "clippy")?;
    cargo.args(["--bins", "--examples", "--", "-D", "warnings"]);
    command::run(&mut cargo, "checking the lints of the fuzz targets")
}

/// The form of the targets.
pub(super) fn format(tree: &Tree) -> Result<()> {
    let mut cargo = command::cargo(tree);
    cargo.args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]);
    command::run(
        &mut cargo,
        "checking the format of the fuzz targets; mend: `cargo fmt --manifest-path fuzz/Cargo.toml`",
    )
}

/// A target: one file of `fuzz/fuzz_targets`.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    name: String,
    path: PathBuf,
}

fn folder(tree: &Tree) -> PathBuf {
    tree.target().join("fuzz")
}

/// `cargo VERB` on the targets. A named --target keeps the flags away from build scripts.
fn cargo(tree: &Tree, verb: &str) -> Result<Command> {
    let host = Rustc::of(tree)?.host;
    let mut cargo = command::cargo(tree);
    cargo.env("CARGO_TARGET_DIR", folder(tree)).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")).args([
        verb,
        "--locked",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        &host,
    ]);
    Ok(cargo)
}

fn programs(tree: &Tree) -> Result<Vec<Program>> {
    let built = folder(tree).join(Rustc::of(tree)?.host).join("release");
    let sources = tree.root().join("fuzz/fuzz_targets");
    let reading = || format!("looking for fuzz targets in {}", sources.display());
    let mut programs = Vec::new();
    for entry in fs::read_dir(&sources).with_context(reading)? {
        let file = entry.with_context(reading)?.path();
        if file.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = file.file_stem().and_then(|name| name.to_str())
        {
            programs.push(Program { name: name.to_owned(), path: built.join(name) });
        }
    }
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    ensure!(!programs.is_empty(), "{}: there are none", reading());
    Ok(programs)
}

/// Runs one target over a copy of its corpus: what it finds stays out of the tree.
fn run(tree: &Tree, program: &Program, seconds: u32) -> Result<()> {
    let name = &program.name;
    let doing = || format!("fuzzing {name}");
    let corpus = folder(tree).join("corpus").join(name);
    copy(&tree.root().join("fuzz/corpus").join(name), &corpus).with_context(doing)?;
    let artifacts = folder(tree).join("artifacts").join(name);
    fs::create_dir_all(&artifacts).with_context(doing)?;
    let log = folder(tree).join(format!("{name}.log"));
    let mut fuzzer = if WITH_ROOT.contains(&name.as_str()) {
        privileged::as_root(&program.path, &[("MSM_EBPF_OBJECT", &Object::MsmEbpf.path(tree))], &doing())?
    } else {
        Command::new(&program.path)
    };
    fuzzer.arg(&corpus).args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_MAX}"),
        format!("-timeout={TIMEOUT}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        // The folder's own slash makes it a folder to libFuzzer.
        format!("-artifact_prefix={}/", artifacts.display()),
        "-use_value_profile=1".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    let dictionary = tree.root().join("fuzz/dictionaries").join(format!("{name}.dict"));
    if dictionary.exists() {
        fuzzer.arg(format!("-dict={}", dictionary.display()));
    }
    eprintln!("     Fuzzing {name} for {seconds} s");
    let file = File::create(&log).with_context(doing)?;
    let status = fuzzer
        .stdout(file.try_clone().with_context(doing)?)
        .stderr(file)
        .status()
        .with_context(|| command::not_started(&fuzzer, &doing()))?;
    let said = String::from_utf8_lossy(&fs::read(&log).with_context(doing)?).into_owned();
    if !status.success() {
        let end = end(&said);
        let again = match input(&said) {
            Some(input) => {
                format!("its input is {input}; again: `RUST_BACKTRACE=1 {} {input}`", program.path.display())
            }
            None => format!("all it said is in {}", log.display()),
        };
        bail!("{}: it ended with {status}:\n{end}\n{}: {again}", doing(), doing());
    }
    let runs = runs(&said).with_context(|| format!("{}; all it said is in {}", doing(), log.display()))?;
    eprintln!("     {name}: {runs} inputs, no find");
    Ok(())
}

/// Makes `to` a fresh copy of a folder of files.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let reading = || format!("reading the corpus {}", from.display());
    for entry in fs::read_dir(from).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        fs::copy(entry.path(), to.join(entry.file_name())).with_context(reading)?;
    }
    Ok(())
}

/// Of what it said, the part about how it ended: from the panic, or from libFuzzer's own finding.
fn end(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    let told = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let from = lines.iter().position(told).unwrap_or(lines.len().saturating_sub(SHOWN));
    lines[from..].iter().take(SHOWN).copied().collect::<Vec<_>>().join("\n")
}

/// The file that libFuzzer wrote the input to that it stopped at.
fn input(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.split_once("Test unit written to ").map(|(_, path)| path.trim()))
}

/// How many inputs a good run tried.
///
/// # Errors
/// It had no coverage to go by, or tried nothing: a run that would find nothing is no good run.
fn runs(said: &str) -> Result<u64> {
    ensure!(
        said.contains("inline 8-bit counters)"),
        "the program has no coverage instrumentation: does the compiler still know the flags?"
    );
    let runs = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok())
        .unwrap_or(0);
    ensure!(runs > 0, "it tried no input");
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_a_crash_is_found() {
        let said = "==7== ERROR: libFuzzer: deadly signal\nartifact_prefix='/t/'; Test unit written to /t/crash-09af\nBase64: CTE=\n";
        assert_eq!(input(said), Some("/t/crash-09af"));
        assert_eq!(input("Done 5 runs in 1 second(s)"), None);
    }

    #[test]
    fn the_panic_is_shown() {
        let said = format!(
            "{}thread 'main' panicked at x.rs:1:\nplanted\n{}",
            "NEW\n".repeat(99),
            "frame\n".repeat(99)
        );
        assert!(end(&said).starts_with("thread 'main' panicked at x.rs:1:\nplanted\n"));
        assert_eq!(end(&said).lines().count(), SHOWN);
        assert_eq!(end(&"NEW\n".repeat(99)).lines().count(), SHOWN);
    }

    #[test]
    fn a_run_that_can_find_nothing_is_no_good_run() {
        let counters = "INFO: Loaded 1 modules   (9837 inline 8-bit counters): 9837 [0x1, 0x2),\n";
        let tried = "stat::number_of_executed_units: 1234\n";
        assert_eq!(runs(&format!("{counters}{tried}")).unwrap(), 1234);
        assert!(runs(tried).is_err());
        assert!(runs(counters).is_err());
        assert!(runs(&format!("{counters}stat::number_of_executed_units: 0\n")).is_err());
    }
}
