use super::*;
use crate::flash::configuration;
use crate::flash::error::Fault;
use crate::flash::kill_tests::child;
use msm_config::area::Area;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store = Store::new(dir.path().join("x/a"));
    store.prepare().expect("prepared");
    (dir, store)
}

fn files(store: &Store) -> Vec<String> {
    let entries = std::fs::read_dir(&store.dir).expect("there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("name")).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_and_is_nobody_elses() {
    let (_dir, store) = store();
    assert!(store.read("f").expect("read").is_none());
    store.write("f", b"one").expect("written");
    store.write("f", b"two").expect("written");
    assert_eq!(store.read("f").expect("read").as_deref(), Some(&b"two"[..]));
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&store.dir), mode(&store.path("f"))), (0o700, 0o600));
    store.remove("f").expect("removed");
    store.remove("f").expect("nothing to remove");
    assert!(files(&store).is_empty());
}

#[test]
fn what_a_crash_left_is_removed_and_the_rest_stays() {
    let (_dir, store) = store();
    store.write("f", b"one").expect("written");
    std::fs::write(store.path("f.tmp"), b"tw").expect("written");
    std::fs::set_permissions(&store.dir, Permissions::from_mode(0o755)).expect("set");
    store.prepare().expect("prepared");
    assert_eq!(files(&store), ["f"]);
    assert_eq!(std::fs::metadata(&store.dir).expect("there").permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_step_that_fails_keeps_the_old_file_and_leaves_nothing() {
    let (_dir, store) = store();
    store.write("f", b"old").expect("written");
    for fails in [Step::Create, Step::Write, Step::Sync, Step::Rename] {
        let full = |step| if step == fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) };
        let error = store.write_by("f", b"new", full).expect_err("disk full");
        let text = error.to_string();
        assert!(text.contains("old file is kept") && text.contains("make room"), "{text}");
        assert!(text.contains(fails.words()) && text.contains("x/a/f"), "{text}");
        assert_eq!(store.read("f").expect("read").as_deref(), Some(&b"old"[..]), "{fails:?}");
        assert_eq!(files(&store), ["f"], "{fails:?}");
    }
    let last = |step| if step == Step::SyncDirectory { Err(io::Error::other("broken")) } else { Ok(()) };
    let error = store.write_by("f", b"new", last).expect_err("not synced");
    assert!(matches!(error, FlashError::NotSynced { .. }), "{error}");
    assert_eq!(store.read("f").expect("read").as_deref(), Some(&b"new"[..]));
}

#[test]
fn too_much_is_refused_before_anything_is_touched() {
    let (_dir, store) = store();
    let long = vec![b'x'; FILE_MAX as usize + 1];
    assert!(matches!(store.write("f", &long), Err(FlashError::TooLong { .. })));
    std::fs::write(store.path("f"), &long).expect("written");
    assert!(matches!(store.read("f"), Err(FlashError::TooLong { .. })));
    std::fs::create_dir(store.path("d")).expect("created");
    assert!(matches!(store.read("d"), Err(FlashError::NotRead { .. })));
}

#[test]
fn a_directory_that_went_away_is_made_again() {
    let (_dir, store) = store();
    std::fs::remove_dir_all(store.dir.parent().expect("parent")).expect("removed");
    store.write("f", b"one").expect("written");
    assert_eq!(files(&store), ["f"]);
}

#[test]
fn a_link_in_the_temporary_files_place_is_not_written_through() {
    let (dir, store) = store();
    let victim = dir.path().join("victim");
    std::fs::write(&victim, b"mine").expect("written");
    std::os::unix::fs::symlink(&victim, store.path("f.tmp")).expect("linked");
    store.write("f", b"new").expect("written");
    assert_eq!(std::fs::read(&victim).expect("read"), b"mine");
}

/// The child's part of the test below.
fn save_too_much(dir: &str) {
    let store = Store::new(dir.into());
    configuration::save(&store, Area::Primary, "old\n").expect("saved");
    // SAFETY: no handler is installed; the signal that comes with EFBIG is ignored.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let limit = rustix::process::Rlimit { current: Some(64 << 10), maximum: Some(64 << 10) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).expect("limit set");
    let text = "create vlan x\n".repeat(100_000);
    let error = configuration::save(&store, Area::Primary, &text).expect_err("too large for the limit");
    assert!(matches!(&error, FlashError::NotWritten { what: "write", .. }), "{error}");
    assert!(error.to_string().contains("limit of a file's size"), "{error}");
}

/// The kernel refuses in the middle of the file, as a full disk does.
#[test]
fn a_file_that_the_kernel_cuts_short_keeps_the_old_one() {
    if let Ok(dir) = std::env::var(child::DIR) {
        return save_too_much(&dir);
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let name = "flash::store::tests::a_file_that_the_kernel_cuts_short_keeps_the_old_one";
    let output = child::command(name, dir.path()).output().expect("child runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let store = Store::new(dir.path().to_owned());
    assert_eq!(files(&store), ["primary.cfg"]);
    let saved = configuration::load(&store, Area::Primary).expect("whole").expect("there");
    assert_eq!(saved.text, "old\n");
}

#[test]
fn faults_say_what_to_do() {
    let fault = FlashError::Damaged { path: "/f".into(), fault: Fault::Torn };
    assert!(fault.to_string().contains("save again"));
}
