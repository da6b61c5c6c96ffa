//! Senders: one thread a CPU, paced by the clock.
//!
//! The schedule is absolute: frame k of a stream is due k / rate after the start. A thread that was kept from its CPU catches
//! up in bursts that the rings on the way can hold.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::fs::Timespec;
use rustix::thread::{ClockId, CpuSet, clock_nanosleep_absolute, sched_setaffinity};

use super::now_ns;
use super::plan::Stream;
use super::priority;
use super::report::Stall;
use super::ring::TxRing;

/// Between two looks at the clock. At 100,000 frames a second each finds ten due.
const TICK_NS: u64 = 100_000;
/// Frames of a stream written before the kernel is called. A veth ring has 256 entries, and up to three streams meet in one.
const BURST: u64 = 64;
/// A sender this far behind gives the frames up (they count as not offered): a rate it cannot carry must not keep it from
/// ever sleeping, at a priority above everybody's.
const BEHIND_LIMIT_NS: u64 = 250_000_000;
/// Shortest time without a look at the clock that is noted: half of a ring at 25,000 frames a second.
const STALL_NS: u64 = 5_000_000;
/// Stalls that a thread notes; what comes after has no excuse.
const STALLS: usize = 4096;

/// What the senders have done so far, by stream.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Frames given to the kernel.
    pub frames: AtomicU64,
    /// Of them, refused by the sending host's netdev.
    pub refused: AtomicU64,
}

/// What one thread found.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// Numbers of its streams.
    pub streams: Vec<u32>,
    /// Longest time that it was late for its tick.
    pub late_max_ns: u64,
    /// Time given up because it was too far behind.
    pub given_up_ns: u64,
    /// When it was kept from its CPU.
    pub stalls: Vec<Stall>,
    /// It runs before everything at normal priority.
    pub realtime: bool,
    /// When it sent its last frame. Closing its rings takes tens of milliseconds more.
    pub ended_ns: u64,
}

/// Running threads.
#[derive(Debug)]
pub(super) struct Senders {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<Pace>>>,
}

/// What one CPU sends: streams, and a ring for each host that they come from.
pub(super) struct Lane {
    pub cpu: usize,
    pub streams: Vec<Arc<Stream>>,
    pub rings: BTreeMap<usize, TxRing>,
}

impl Senders {
    /// Starts a thread a lane; the first frames go at `start_ns`.
    pub(super) fn start(
        lanes: Vec<Lane>,
        sent: &Arc<Vec<Sent>>,
        moved: &Arc<AtomicBool>,
        start_ns: u64,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |lane: Lane| {
            let (stop, sent, moved) = (stop.clone(), sent.clone(), moved.clone());
            let thread = std::thread::Builder::new().name(format!("probe-cpu{}", lane.cpu));
            thread.spawn(move || lane.run(&sent, &stop, &moved, start_ns)).expect("a thread can be made")
        };
        let threads = lanes.into_iter().map(spawn).collect();
        Self { stop, threads }
    }

    /// Ends sending; gives each thread's pace.
    pub(super) fn stop(mut self) -> io::Result<Vec<Pace>> {
        self.stop.store(true, Ordering::Relaxed);
        let join = |thread: JoinHandle<io::Result<Pace>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        self.threads.drain(..).map(join).collect()
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Lane {
    fn run(
        mut self,
        sent: &[Sent],
        stop: &AtomicBool,
        moved: &AtomicBool,
        start_ns: u64,
    ) -> io::Result<Pace> {
        let mut pace = Pace {
            streams: self.streams.iter().map(|stream| stream.number).collect(),
            stalls: Vec::with_capacity(STALLS),
            realtime: raise_priority(self.cpu)?,
            ..Pace::default()
        };
        let mut start = start_ns;
        let mut tick = start_ns;
        let mut looked = start_ns;
        while !stop.load(Ordering::Relaxed) {
            sleep_until(tick)?;
            let now = now_ns();
            let late = now.saturating_sub(tick);
            pace.late_max_ns = pace.late_max_ns.max(late);
            if now.saturating_sub(looked) > STALL_NS && pace.stalls.len() < STALLS {
                pace.stalls.push(Stall { begin_ns: looked, end_ns: now });
            }
            if late > BEHIND_LIMIT_NS {
                start += late;
                pace.given_up_ns += late;
            }
            looked = now; // it may be kept waiting while it sends, too
            self.catch_up(sent, moved, now.saturating_sub(start))?;
            tick += TICK_NS;
            if tick + BEHIND_LIMIT_NS < now {
                tick = now; // the ticks of the time given up
            }
        }
        pace.ended_ns = now_ns();
        Ok(pace)
    }

    /// Sends everything that is due `elapsed` after the start.
    fn catch_up(&mut self, sent: &[Sent], moved: &AtomicBool, elapsed_ns: u64) -> io::Result<()> {
        loop {
            let mut more = false;
            for stream in &self.streams {
                let counters = &sent[stream.number as usize];
                let done = counters.frames.load(Ordering::Relaxed);
                let due = (u128::from(elapsed_ns) * u128::from(stream.spec.pps) / 1_000_000_000) as u64;
                let count = due.saturating_sub(done).min(BURST);
                let later = stream.from_later.filter(|_| moved.load(Ordering::Acquire));
                let from = later.unwrap_or(stream.from);
                let ring = self.rings.get_mut(&from).expect("a ring for each sending host");
                for k in done..done + count {
                    let flow = (k % u64::from(stream.spec.flows)) as usize;
                    let frame = &stream.frames[flow];
                    let sequence = k / u64::from(stream.spec.flows);
                    ring.push(frame.len(), |slot| frame.write(slot, sequence, now_ns()))?;
                }
                // Before they go: who reads both counters sees sent >= received.
                counters.frames.store(done + count, Ordering::Release);
                let refused = ring.flush()?;
                counters.refused.fetch_add(refused, Ordering::Relaxed);
                more |= done + count < due;
            }
            if !more {
                return Ok(());
            }
        }
    }
}

fn sleep_until(at_ns: u64) -> io::Result<()> {
    let at = Timespec { tv_sec: (at_ns / 1_000_000_000) as i64, tv_nsec: (at_ns % 1_000_000_000) as i64 };
    while let Err(error) = clock_nanosleep_absolute(ClockId::Monotonic, &at) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Binds the thread to its CPU and puts it before normal processes: as real time, else as nice as can be. `true` for real
/// time. It sleeps most of each tick, so the switch's processes have their time; and when others want a whole CPU, the kernel's
/// fair server gives them 50 ms of each second before us: a sender that is late by that much is seen in [`Pace`].
fn raise_priority(cpu: usize) -> io::Result<bool> {
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only)?;
    Ok(priority::raise(priority::SENDER))
}
