use super::*;
use std::sync::mpsc;

fn flash() -> (tempfile::TempDir, Flash) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (flash, faults) = Flash::open(&dir.path().join("a")).expect("opens");
    assert!(faults.is_empty(), "{faults:?}");
    (dir, flash)
}

fn writes(flash: &Flash) -> u64 {
    flash.0.state().writes
}

/// Holds the writer up in the log's source until the sender is dropped.
fn hold(flash: &Flash) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (there, inside) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    flash.set_log_source(Arc::new(move || {
        let _ = there.send(());
        let _ = held.lock().expect("lock").recv();
        String::new()
    }));
    flash.log_changed();
    inside.recv().expect("the writer is held up");
    release
}

#[test]
fn what_is_saved_and_set_is_there_after_a_restart() {
    let (dir, flash) = flash();
    flash.save(Area::Secondary, "create vlan x\n".into()).wait().expect("saved");
    flash.update(|nvram| nvram.configuration = Area::Secondary).wait().expect("set");
    assert!(flash.end(Duration::from_secs(10)));
    assert!(matches!(flash.save(Area::Primary, String::new()).wait(), Err(FlashError::Ended)));
    let (again, faults) = Flash::open(&dir.path().join("a")).expect("opens");
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(again.nvram().configuration, Area::Secondary);
    assert_eq!(again.load(Area::Secondary).expect("read").expect("there").text, "create vlan x\n");
}

#[test]
fn changes_of_nvram_that_wait_are_one_write_and_the_newest_wins() {
    let (_dir, flash) = flash();
    let release = hold(&flash);
    let before = writes(&flash);
    let all: Vec<_> = (1..=10).map(|n| flash.update(move |nvram| nvram.failovers = n)).collect();
    let more = flash.update(|nvram| nvram.cause = "admin".into());
    drop(release);
    for pending in all {
        pending.wait().expect("written");
    }
    more.wait().expect("written");
    let nvram = flash.nvram();
    assert_eq!((nvram.failovers, nvram.cause.as_str()), (10, "admin"));
    // The held log's and one.
    assert_eq!(writes(&flash) - before, 2);
    flash.update(|nvram| nvram.failovers = 10).wait().expect("nothing to write");
    assert_eq!(writes(&flash) - before, 2);
}

#[test]
fn writes_are_done_in_order_and_a_full_queue_refuses() {
    let (_dir, flash) = flash();
    let release = hold(&flash);
    let all: Vec<_> = (0..QUEUE).map(|n| flash.save(Area::Primary, format!("generation {n}\n"))).collect();
    let error = flash.save(Area::Primary, "too many\n".into()).wait().expect_err("full");
    assert!(matches!(error, FlashError::Busy(QUEUE)), "{error}");
    assert!(matches!(flash.update(|_| ()).wait(), Err(FlashError::Busy(QUEUE))));
    drop(release);
    for pending in all {
        pending.wait().expect("saved");
    }
    let saved = flash.load(Area::Primary).expect("read").expect("there");
    assert_eq!(saved.text, format!("generation {}\n", QUEUE - 1));
}

#[test]
fn nvram_that_cannot_be_written_stays_as_it_was() {
    let (dir, flash) = flash();
    std::fs::remove_dir_all(dir.path().join("a")).expect("removed");
    std::fs::write(dir.path().join("a"), b"a file").expect("written");
    let error = flash.update(|nvram| nvram.failovers = 5).wait().expect_err("no directory");
    assert!(matches!(error, FlashError::NotWritten { .. }), "{error}");
    assert_eq!(flash.nvram().failovers, 0);
    std::fs::remove_file(dir.path().join("a")).expect("removed");
    flash.update(|nvram| nvram.failovers = 5).wait().expect("written");
    assert_eq!(flash.nvram().failovers, 5);
}

#[test]
fn the_log_is_written_at_once_then_paced_and_at_the_end_without_delay() {
    let (_dir, flash) = flash();
    let (told, written) = mpsc::channel();
    let n = Mutex::new(0);
    flash.set_log_source(Arc::new(move || {
        let mut n = n.lock().expect("lock");
        *n += 1;
        let _ = told.send(Instant::now());
        format!("line {n}\n")
    }));
    flash.log_changed();
    let first = written.recv().expect("written");
    for _ in 0..1000 {
        flash.log_changed();
    }
    let second = written.recv().expect("written");
    assert!(second - first >= PACE, "{:?}", second - first);
    flash.log_changed();
    let asked = Instant::now();
    assert!(flash.end(Duration::from_secs(10)));
    assert!(written.recv().expect("written") - asked < PACE);
    let count = 3 + written.try_iter().count();
    assert!(count <= 4, "{count}");
    assert_eq!(flash.load_log().expect("read"), Some(format!("line {count}\n")));
}

#[test]
fn lines_outlast_the_process_at_once_and_the_machine_a_little_later() {
    let (dir, flash) = flash();
    let (recent, settled) = (dir.path().join("a").join(RECENT), dir.path().join("a").join(LOG));
    flash.set_log_source(Arc::new(|| "line\n".into()));
    let asked = Instant::now();
    flash.log_changed();
    while !recent.exists() {
        assert!(asked.elapsed() < SETTLE, "written before it settles");
        std::thread::yield_now();
    }
    assert!(!settled.exists());
    assert_eq!(
        flash.load_log().expect("read"),
        Some("line\n".into()),
        "what a process that starts now would read"
    );
    while !settled.exists() {
        assert!(asked.elapsed() < 5 * SETTLE, "it settles");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(asked.elapsed() >= SETTLE && !recent.exists());
    assert_eq!(flash.load_log().expect("read"), Some("line\n".into()));
}

#[test]
fn recent_lines_that_the_machine_took_down_with_it_leave_the_settled_ones() {
    let (dir, flash) = flash();
    let file = |name| dir.path().join("a").join(name);
    flash.set_log_source(Arc::new(|| "old\n".into()));
    flash.log_changed();
    assert!(flash.end(Duration::from_secs(10)));
    std::fs::copy(file(RECENT), file(LOG)).expect("settled");
    let whole = std::fs::read(file(RECENT)).expect("written");
    std::fs::write(file(RECENT), &whole[..whole.len() / 2]).expect("torn");
    assert_eq!(flash.load_log().expect("read"), Some("old\n".into()));
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting() {
    let (_dir, flash) = flash();
    assert!(matches!(flash.update(|_| panic!("nvram")).wait(), Err(FlashError::Ended)));
    while !flash.0.state().dead {
        std::thread::yield_now();
    }
    assert!(matches!(flash.save(Area::Primary, String::new()).wait(), Err(FlashError::Ended)));
    assert!(flash.end(Duration::from_secs(10)));
}

#[test]
fn a_parcel_goes_from_flash_to_flash() {
    let (_a, master) = flash();
    let (_b, slave) = flash();
    master.save(Area::Secondary, "create vlan x\n".into()).wait().expect("saved");
    master.update(|nvram| nvram.configuration = Area::Secondary).wait().expect("set");
    slave.update(|nvram| nvram.failovers = 3).wait().expect("set");
    let bytes = master.pack().wait().expect("packed");
    let parcel = Parcel::decode(&bytes, |_| Ok(())).expect("good");
    slave.unpack(parcel).wait().expect("unpacked");
    assert_eq!(slave.nvram().configuration, Area::Secondary);
    assert_eq!(slave.nvram().failovers, 3);
    assert_eq!(slave.load(Area::Secondary).expect("read"), master.load(Area::Secondary).expect("read"));
}
