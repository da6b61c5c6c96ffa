//! Maximum rate in a closed loop: numbered frames as fast as they are taken, never more in flight than any ring on the way holds.
//!
//! An open loop at maximum rate loses frames to a full ring whenever the scheduler looks away, and so proves nothing about a failover.
//! Here the generator program sees what the receiving program has counted and waits, so that a quiet run loses 0 and any frame
//! that is missing was lost by the switch. A frame that is lost takes its place in the window with it; when all places are gone the
//! loop stands still, which the count of sent frames shows.

use std::thread;
use std::time::{Duration, Instant};

use probe_abi::{GenState, load_names, side};

use super::load::{Load, Place};
use crate::bed::Testbed;
use crate::probe::{ProbeError, Result};

/// Frames in flight. A veth ring has room for 256 (drivers/net/veth.c, VETH_RING_SIZE), the generator's batch is 64.
const WINDOW: u32 = 128;
/// Frames between two looks at the clock, before the rate is known.
const FIRST: u32 = 300_000;
/// The last frames of a call are taken in its own softirq, or shortly after.
const DRAIN: Duration = Duration::from_millis(200);

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Numbers that were skipped.
    pub skipped: u64,
    /// Frames whose number was below the expected one: late, or again.
    pub below: u64,
}

impl Numbers {
    /// Every frame arrived once and in order.
    pub fn clean(&self) -> bool {
        self.sent == self.received && self.skipped == 0 && self.below == 0
    }
}

/// One numbered flow from h1 to h3, across modules.
pub struct ClosedLoop<'a> {
    bed: &'a Testbed,
    load: Load,
    cpu: usize,
    a_second: f64,
}

impl<'a> ClosedLoop<'a> {
    /// Attaches generator and receiver to the hosts, lets both stations speak, and finds out the rate.
    ///
    /// # Errors
    /// What loading, attaching or running says.
    pub fn new(bed: &'a Testbed) -> Result<Self> {
        let mut load = Load::new()?;
        load.attach(load_names::SINK_XDP, Place::host(bed.host("h1")?))?;
        load.attach(load_names::SINK_NUMBERED_XDP, Place::host(bed.host("h3")?))?;
        let cpu = thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1;
        for (host, from) in [("h3", side(3)), ("h1", side(1))] {
            load.order(GenState { from_side: from, from_stations: 1, ..GenState::default() })?;
            load.generate(load_names::GEN_LEARN, Place::host(bed.host(host)?), 2, cpu)?;
        }
        let mut this = Self { bed, load, cpu, a_second: 0.0 };
        let started = Instant::now();
        this.send(FIRST, |_| Ok(()))?;
        this.a_second = f64::from(FIRST) / started.elapsed().as_secs_f64();
        Ok(this)
    }

    /// Sends for about `secs`; once a third is through, `event` happens beside it.
    ///
    /// # Errors
    /// What the generator or `event` says.
    pub fn run(&mut self, secs: f64, event: impl FnOnce() -> Result<()>) -> Result<Numbers> {
        let frames = (self.a_second * secs) as u32;
        self.send(frames, |sent| {
            while sent()? < u64::from(frames / 3) {
                thread::sleep(Duration::from_millis(1));
            }
            event()
        })
    }

    fn send(
        &mut self,
        frames: u32,
        beside: impl FnOnce(&dyn Fn() -> Result<u64>) -> Result<()>,
    ) -> Result<Numbers> {
        self.load.forget_numbers()?;
        let (from_side, to_side) = (side(1), side(3));
        self.load.order(GenState { from_side, to_side, window: WINDOW, ..GenState::default() })?;
        let (load, cpu, place) = (&self.load, self.cpu, Place::host(self.bed.host("h1")?));
        let (generated, event) = thread::scope(|scope| {
            let generator = scope.spawn(|| load.generate(load_names::GEN_NUMBERED, place, frames, cpu));
            // A generator that fails must not leave the other side waiting for its frames.
            let sent = || if generator.is_finished() { Ok(u64::MAX) } else { load.numbered_sent(cpu) };
            let event = beside(&sent);
            (generator.join(), event)
        });
        generated.map_err(|_| ProbeError::State("lost its generator thread to a panic"))??;
        event?;
        self.drained()
    }

    fn drained(&self) -> Result<Numbers> {
        let deadline = Instant::now() + DRAIN;
        loop {
            let (sent, taken) = (self.load.numbered_sent(self.cpu)?, self.load.numbered_taken()?);
            if taken.received >= sent || Instant::now() > deadline {
                return Ok(Numbers {
                    sent,
                    received: taken.received,
                    skipped: taken.skipped,
                    below: taken.below,
                });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
