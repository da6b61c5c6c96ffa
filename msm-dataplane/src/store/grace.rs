//! A grace period: when it is over, no run of a program that began before it is under way.

use std::{io, thread::JoinHandle};

/// MEMBARRIER_CMD_GLOBAL: synchronize_rcu() in the kernel (kernel/sched/membarrier.c), 8 to 16 ms at 250 Hz. It needs no descriptor.
const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;

/// One that was begun. Dropping it waits for nothing.
#[derive(Debug)]
pub enum Grace {
    /// It is over.
    Over,
    /// A thread waits for it.
    Waiting(JoinHandle<io::Result<()>>),
    /// No thread could be had: it is waited for when it is asked for.
    Later,
}

impl Grace {
    /// The kernel's.
    pub(super) fn begin() -> Self {
        let thread = std::thread::Builder::new().name("grace".to_owned()).spawn(membarrier);
        thread.map_or(Self::Later, Self::Waiting)
    }

    /// True if [`Grace::wait`] returns at once.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Over => true,
            Self::Waiting(thread) => thread.is_finished(),
            Self::Later => false,
        }
    }

    /// Returns when it is over.
    ///
    /// # Errors
    /// The kernel has no such call (EINVAL with nohz_full): wait in another way.
    pub fn wait(self) -> io::Result<()> {
        match self {
            Self::Over => Ok(()),
            Self::Waiting(thread) => {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that waits is gone")))
            }
            Self::Later => membarrier(),
        }
    }
}

fn membarrier() -> io::Result<()> {
    // SAFETY: the call takes three numbers, and no memory of ours.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends() {
        assert!(Grace::Over.is_over());
        Grace::begin().wait().expect("this kernel has the call");
        Grace::Later.wait().expect("this kernel has the call");
    }
}
