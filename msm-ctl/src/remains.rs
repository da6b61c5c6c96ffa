//! Who unmaps the memory of a dead MSM: a process of its own that shares it, and outlives it by a moment.
//!
//! A process is dead, and its pidfd readable, when its last thread has unmapped its memory and closed its files, in this order: a millisecond
//! for the 20 MB of an MSM, and as long its slave waits. Memory that another process shares is unmapped by that one (kernel/exit.c,
//! exit_mm), at its own, ordinary priority. The other process has no descriptor but the MSM's pidfd and runs no code but the wait for it, so that who is dead
//! can write nothing any more, as before: neither by a descriptor nor by the mapping of a ring.

#[cfg(target_arch = "x86_64")]
pub(crate) use here::attend;

/// Nobody: death takes as long as the memory takes.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn attend() -> std::io::Result<u32> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(target_arch = "x86_64")]
mod here {
    use std::arch::asm;
    use std::ffi::{c_int, c_void};
    use std::io;
    use std::os::fd::AsRawFd;

    use rustix::process::PidfdFlags;

    /// Some calls deep, no more.
    const STACK: usize = 16 << 10;
    /// What the process is called in a list of processes.
    const NAME: &[u8; 12] = b"msm-remains\0";

    /// Starts the process for the calling one; its pid. Called before the first descriptor that matters and before the priority is raised.
    ///
    /// # Errors
    /// What the kernel says: then this process is dead later.
    pub(crate) fn attend() -> io::Result<u32> {
        let pidfd = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
        // Never given back: it is used for as long as the memory is there.
        let stack =
            Box::leak(vec![0u128; STACK / size_of::<u128>()].into_boxed_slice()).as_mut_ptr_range().end;
        let argument =
            std::ptr::without_provenance_mut::<c_void>(usize::try_from(pidfd.as_raw_fd()).unwrap_or(0));
        // The terminal's signals, and any other that asks, are for the MSM.
        let old = mask(&filled())?;
        // SAFETY: `wait` runs on a stack of its own, which is 16 byte aligned; it touches no memory but that.
        let pid = unsafe { libc::clone(wait, stack.cast(), libc::CLONE_VM, argument) };
        let error = io::Error::last_os_error();
        mask(&old)?;
        u32::try_from(pid).map_err(|_| error)
    }

    fn filled() -> libc::sigset_t {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: sigfillset writes the whole set.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        // SAFETY: written by the line before.
        unsafe { set.assume_init() }
    }

    /// Blocks exactly these for the calling thread; which were before.
    fn mask(set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
        let mut old = filled();
        // SAFETY: both sets live over the call.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set, &raw mut old) } {
            0 => Ok(old),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// A system call that leaves errno alone: that is the MSM's. Called by nobody but [`wait`], which knows what it asks for.
    #[inline(always)]
    fn call(number: libc::c_long, one: usize, two: usize, three: usize) -> isize {
        let result: isize;
        // SAFETY: the callers' calls write no memory but the `pollfd` that they own; the kernel keeps all registers but these.
        unsafe {
            asm!("syscall", inlateout("rax") number as isize => result, in("rdi") one, in("rsi") two, in("rdx") three,
                lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        result
    }

    /// The process: it shares thread-local memory with the MSM's first thread too, so that it calls nothing that may use it.
    extern "C" fn wait(pidfd: *mut c_void) -> c_int {
        let fd = pidfd.addr();
        let _ = call(libc::SYS_prctl, libc::PR_SET_NAME as usize, NAME.as_ptr().addr(), 0);
        let _ = call(libc::SYS_setsid, 0, 0, 0);
        let _ = call(libc::SYS_close_range, fd.wrapping_add(1), u32::MAX as usize, 0);
        if fd > 0 {
            let _ = call(libc::SYS_close_range, 0, fd.wrapping_sub(1), 0);
        }
        let mut poll = libc::pollfd { fd: fd as c_int, events: libc::POLLIN, revents: 0 };
        // An interruption is not the end; an error is: there is nothing to wait for.
        while call(libc::SYS_poll, (&raw mut poll).expose_provenance(), 1, usize::MAX)
            == -(libc::EINTR as isize)
        {}
        let _ = call(libc::SYS_exit_group, 0, 0, 0);
        0
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, getsid, kill_process};

    use crate::process::Process;

    const CHILD: &str = "MSM_TEST_REMAINS";
    /// Mapped and touched by the child.
    const MEMORY: usize = 32 << 20;
    const SOON: Duration = Duration::from_secs(20);

    fn resident_kb(pid: u32) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    fn within(what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < SOON, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    async fn ends(process: &Process) {
        tokio::time::timeout(SOON, process.dead()).await.expect("in time").expect("dead");
    }

    /// A process that is attended: it answers every line, and ends with the last.
    struct Attended {
        child: Child,
        said: std::io::Lines<BufReader<ChildStdout>>,
        pid: Pid,
        attendant: Process,
    }

    impl Attended {
        fn start() -> Self {
            let name = "remains::tests::the_process_that_is_attended";
            let mut command = Command::new(std::env::current_exe().expect("this test"));
            let command = command.args([name, "--exact", "--nocapture"]).env(CHILD, "1");
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
            let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            let line = said.by_ref().map_while(Result::ok);
            let pid = line.into_iter().find_map(|line| line.rsplit_once("attendant ")?.1.parse::<u32>().ok());
            let pid = pid.expect("the child says it");
            let attendant = Process::open(pid).expect("it is there");
            within("it has the memory and one descriptor", || {
                let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |all| all.count());
                descriptors == 1 && resident_kb(pid) >= MEMORY >> 10
            });
            let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
            Self { child, said, pid, attendant }
        }

        fn answers(&mut self) {
            self.child.stdin.as_mut().expect("a pipe").write_all(b"?\n").expect("it reads");
            assert_eq!(self.said.next().expect("it lives").expect("a line"), "here");
        }
    }

    /// Of the other tests: nothing by itself.
    #[test]
    fn the_process_that_is_attended() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let kept = std::fs::File::open("/proc/self/status").expect("a descriptor that is not to be shared");
        let pid = super::attend().expect("attended");
        let memory = vec![1u8; MEMORY];
        println!("attendant {pid}");
        for _ in std::io::stdin().lines() {
            println!("here");
        }
        drop((memory, kept));
        std::process::exit(0);
    }

    /// The attendant is stopped: whoever is dead meanwhile has not waited for it.
    #[tokio::test]
    async fn a_process_is_dead_before_its_memory_is_unmapped() {
        let mut attended = Attended::start();
        let pid = attended.attendant.pid();
        kill_process(attended.pid, Signal::TERM).expect("sent: and not heard");
        kill_process(attended.pid, Signal::STOP).expect("stopped");
        let process = Process::open(attended.child.id()).expect("pidfd");
        process.kill().expect("SIGKILL");
        ends(&process).await;
        assert!(resident_kb(pid) >= MEMORY >> 10, "the memory is still there");
        kill_process(attended.pid, Signal::CONT).expect("goes on");
        ends(&attended.attendant).await;
        attended.child.wait().expect("reaped");
    }

    /// What operators and terminals take for the MSM is the MSM.
    #[tokio::test]
    async fn it_has_a_name_and_a_session_of_its_own_and_ends_with_its_process() {
        let mut attended = Attended::start();
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", attended.attendant.pid()));
        assert_eq!(comm.expect("it is there").trim(), "msm-remains");
        assert_eq!(getsid(Some(attended.pid)).expect("a session"), attended.pid);
        attended.answers();
        drop(attended.child.stdin.take());
        assert!(attended.child.wait().expect("reaped").success(), "it ended by itself");
        ends(&attended.attendant).await;
    }

    /// Somebody kills it, or the kernel does for its memory, which is the MSM's: that one must not notice.
    #[tokio::test]
    async fn a_process_outlives_its_attendant_and_dies_as_others_do() {
        let mut attended = Attended::start();
        attended.answers();
        attended.attendant.kill().expect("SIGKILL");
        ends(&attended.attendant).await;
        attended.answers();
        let process = Process::open(attended.child.id()).expect("pidfd");
        process.kill().expect("SIGKILL");
        ends(&process).await;
        attended.child.wait().expect("reaped");
    }
}
