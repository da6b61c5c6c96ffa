use super::*;
use crate::flash::Flash;
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// Runs `body` with a log of its own.
fn with(log: &Log, body: impl FnOnce()) {
    let sink = layer::Sink { log: log.clone(), file: None, terminal: false };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(sink), body);
}

fn messages(log: &Log, target: Target, severity: Severity) -> Vec<String> {
    log.lines(target, severity, usize::MAX)
        .into_iter()
        .map(|line| format!("{}:{} {}", line.severity, line.component, line.message))
        .collect()
}

#[test]
fn each_target_takes_what_its_level_says() {
    let log = Log::default();
    with(&log, || {
        error!(target: "msm.a", severity = "critical", "1");
        error!(target: "msm.a", "2");
        warn!(target: "msm.a", code = 7, "3");
        info!(target: "msm.a", severity = "notice", "4");
        info!(target: "msm.a", "5");
        debug!(target: "msm.a", "6");
        warn!(target: "some_crate", "7");
        info!(target: "some_crate", "8");
        assert_eq!(
            messages(&log, Target::MemoryBuffer, Severity::Debug),
            [
                "Warn:Some_crate 7",
                "Info:Msm.A 5",
                "Noti:Msm.A 4",
                "Warn:Msm.A 3 code=7",
                "Erro:Msm.A 2",
                "Crit:Msm.A 1"
            ]
        );
        assert_eq!(messages(&log, Target::MemoryBuffer, Severity::Error), ["Erro:Msm.A 2", "Crit:Msm.A 1"]);
        assert_eq!(messages(&log, Target::Nvram, Severity::Debug).len(), 4);
        log.clear(Target::MemoryBuffer);
        log.set_levels(Levels { memory_buffer: Severity::Debug, nvram: Severity::Critical });
        debug!(target: "msm.a", "9\nand more");
        error!(target: "msm.a", "10");
        assert_eq!(
            messages(&log, Target::MemoryBuffer, Severity::Debug),
            ["Erro:Msm.A 10", "Debu:Msm.A 9 and more"]
        );
        assert_eq!(messages(&log, Target::Nvram, Severity::Debug).len(), 4);
        assert_eq!(log.lines(Target::Nvram, Severity::Debug, 2).len(), 2);
    });
}

#[test]
fn warnings_are_there_after_a_restart() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let boot = || {
        let (flash, faults) = Flash::open(dir.path()).expect("opens");
        assert!(faults.is_empty(), "{faults:?}");
        let log = Log::new(Some(flash.clone()), Some(Slot::A));
        nvram::keep(&log.0.nvram, &flash).expect("whole");
        (log, flash)
    };
    let (log, flash) = boot();
    with(&log, || {
        (0..nvram::LINES + 3).for_each(|n| warn!(target: "msm.a", "warning {n} \"ü\""));
        info!(target: "msm.a", "not kept");
    });
    assert!(flash.end(Duration::from_secs(10)));
    let (log, flash) = boot();
    let lines = messages(&log, Target::Nvram, Severity::Debug);
    assert_eq!(lines.len(), nvram::LINES);
    assert_eq!(lines[0], format!("Warn:Msm.A warning {} \"ü\"", nvram::LINES + 2));
    assert!(messages(&log, Target::MemoryBuffer, Severity::Debug).is_empty());
    with(&log, || error!(target: "msm.a", "the second run"));
    assert!(flash.end(Duration::from_secs(10)));
    let (log, flash) = boot();
    assert_eq!(messages(&log, Target::Nvram, Severity::Error), ["Erro:Msm.A the second run"]);
    log.clear(Target::Nvram);
    assert!(flash.end(Duration::from_secs(10)));
    assert!(messages(&boot().0, Target::Nvram, Severity::Debug).is_empty());
}

#[test]
fn a_damaged_log_starts_empty_and_goes_on() {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("log"), "# msm log 1\n{}\n").expect("written");
    let (flash, _) = Flash::open(dir.path()).expect("opens");
    let log = Log::new(Some(flash.clone()), None);
    let why = nvram::keep(&log.0.nvram, &flash).expect_err("torn");
    assert!(why.contains("torn"), "{why}");
    with(&log, || error!(target: "msm.a", "x"));
    assert!(flash.end(Duration::from_secs(10)));
    let (flash, _) = Flash::open(dir.path()).expect("opens");
    assert_eq!(flash.load_log().expect("whole").expect("there").lines().count(), 1);
}

const CHILD: &str = "MSM_TEST_LOG_DIR";

/// The whole of it, in a process of its own: the subscriber and the hook are the process'.
#[test]
fn a_panics_line_reaches_the_ring_the_file_and_nvram() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = Path::new(&dir);
        let (flash, _) = Flash::open(&dir.join("flash")).expect("opens");
        let log = start(&dir.join("run.log"), false, Some(flash.clone()), Some(Slot::B)).expect("starts");
        let thread = std::thread::Builder::new().name("stp".into()).spawn(|| panic!("index {}", 7));
        assert!(thread.expect("starts").join().is_err());
        let ring = messages(&log, Target::MemoryBuffer, Severity::Critical);
        assert!(ring[0].starts_with("Crit:Msm.Exception task stp panicked") && ring[0].contains("index 7"));
        assert!(flash.end(Duration::from_secs(10)));
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let name = "mgmt::log::tests::a_panics_line_reaches_the_ring_the_file_and_nvram";
    let status = std::process::Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", name])
        .env(CHILD, dir.path())
        .status()
        .expect("child runs");
    assert!(status.success());
    let (flash, _) = Flash::open(&dir.path().join("flash")).expect("opens");
    let log = Log::new(Some(flash.clone()), None);
    nvram::keep(&log.0.nvram, &flash).expect("whole");
    let kept = messages(&log, Target::Nvram, Severity::Critical);
    assert!(kept[0].contains("task stp panicked") && kept[0].contains("index 7"), "{kept:?}");
    let file = std::fs::read_to_string(dir.path().join("run.log")).expect("there");
    assert!(file.contains("<Crit:Msm.Exception> task stp panicked"), "{file}");
}
