//! Ctrl-C and SIGTERM: the process's beds are taken down, then the signal does what it always does.
//!
//! The handler only writes a byte to a pipe; a thread does the rest. A blocked signal mask would not do: threads that were
//! there before us keep theirs.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use super::teardown;

const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

static BEDS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static PIPE: AtomicI32 = AtomicI32::new(-1);
static INSTALL: Once = Once::new();

/// Takes the bed down if this process is told to end.
pub(super) fn register(prefix: &str) {
    INSTALL.call_once(install);
    BEDS.lock().unwrap_or_else(PoisonError::into_inner).insert(prefix.to_owned());
}

/// Leaves the bed alone from now on.
pub(super) fn unregister(prefix: &str) {
    BEDS.lock().unwrap_or_else(PoisonError::into_inner).remove(prefix);
}

fn install() {
    let (read_end, write_end) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe for signals");
    PIPE.store(write_end.as_raw_fd(), Ordering::Release);
    std::thread::spawn(move || wait(&read_end, write_end));
    for signal in SIGNALS {
        set_handler(signal, on_signal as *const () as libc::sighandler_t);
    }
}

/// Runs in signal context: one atomic load, one write(2).
extern "C" fn on_signal(signal: libc::c_int) {
    let byte = signal as u8;
    // SAFETY: write(2) is async-signal-safe; the byte lives over the call; the pipe is never closed.
    unsafe { libc::write(PIPE.load(Ordering::Acquire), (&raw const byte).cast(), 1) };
}

fn set_handler(signal: libc::c_int, handler: libc::sighandler_t) {
    // SAFETY: the handler is `on_signal` or SIG_DFL, both fit for any thread.
    unsafe { libc::signal(signal, handler) };
}

fn wait(read_end: &OwnedFd, _open: OwnedFd) {
    let mut byte = [0];
    while rustix::io::read(read_end, &mut byte) != Ok(1) {}
    let beds = BEDS.lock().unwrap_or_else(PoisonError::into_inner);
    for prefix in beds.iter() {
        eprintln!("taking the bed `{prefix}` down");
        if let Err(error) = teardown::down(prefix) {
            eprintln!("{error}");
        }
    }
    // The lock is held to the end: nobody registers a bed that would stay behind.
    let signal = libc::c_int::from(byte[0]);
    set_handler(signal, libc::SIG_DFL);
    // SAFETY: raises a signal whose action is the default: the process ends as its parent expects.
    unsafe { libc::raise(signal) };
}
