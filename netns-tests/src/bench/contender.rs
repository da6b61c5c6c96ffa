//! One contender of a round: a bed that forwards, and the frames that are sent through it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use probe_abi::{GenIpState, GenState, LOAD_FRAME_LEN, load_names, side};

use super::load::{BATCH, Load, Place};
use crate::bed::Testbed;

/// How long after the generator has ended frames may still arrive.
const DRAIN: Duration = Duration::from_millis(200);
/// Where the generators' random numbers begin.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
/// The address of everybody.
const EVERYBODY: u64 = 0xFFFF_FFFF_FFFF;
/// Frames that one softirq gets done: past 300 (net.core.netdev_budget) the kernel leaves them to ksoftirqd, which an urgent generator keeps waiting.
const SOFTIRQ: u32 = 256;
/// RFC 2544 counts the FCS, which no program sees.
const FCS: usize = 4;

/// Frames that the generator makes.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// No payload that means anything.
    Plain(GenState),
    /// IPv4 and UDP.
    Ip(GenIpState),
}

/// What is sent, and how often it has to arrive.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// What the generator makes.
    pub order: Order,
    /// Bytes of a frame, with FCS.
    pub length: usize,
    /// Hosts that get a frame.
    pub copies: u32,
    /// Hosts that get a frame of those it is compared with: batches are of one size.
    pub batch_copies: u32,
}

impl Traffic {
    /// Known unicast of minimum length: half of the stations at h1, half at h3.
    #[must_use]
    pub fn unicast(stations: u32) -> Self {
        let order = Order::Plain(GenState {
            random: SEED,
            from_side: side(1),
            to_side: side(3),
            from_stations: stations / 2,
            to_stations: stations / 2,
            ..GenState::default()
        });
        Self { order, length: LOAD_FRAME_LEN + FCS, copies: 1, batch_copies: 1 }
    }

    /// From `stations` at h1 to everybody.
    #[must_use]
    pub fn broadcast(stations: u32, copies: u32) -> Self {
        let order = Order::Plain(GenState {
            random: SEED,
            from_side: side(1),
            to_side: EVERYBODY,
            from_stations: stations,
            to_stations: 1,
            ..GenState::default()
        });
        Self { order, length: LOAD_FRAME_LEN + FCS, copies, batch_copies: copies }
    }

    /// IPv4, with what `state` says.
    #[must_use]
    pub fn ip(state: GenIpState) -> Self {
        let length = LOAD_FRAME_LEN + FCS;
        let ip_len = (length - FCS - 14) as u32;
        let order = Order::Ip(GenIpState { random: SEED, ip_len, ..state });
        Self { order, length, copies: 1, batch_copies: 1 }
    }

    /// The same in frames of another length, with FCS.
    #[must_use]
    pub fn long(mut self, length: usize) -> Self {
        self.length = length;
        if let Order::Ip(state) = &mut self.order {
            state.ip_len = (length - FCS - 14) as u32;
        }
        self
    }

    /// Frames made at once: they and their copies are one softirq's.
    fn batch(&self) -> u32 {
        (SOFTIRQ / (self.batch_copies + 1)).min(BATCH)
    }

    /// Sends `frames` of it out of h1; how long that took.
    ///
    /// # Errors
    /// What the generator says.
    pub fn send(&self, load: &mut Load, bed: &Testbed, frames: u32, cpu: usize) -> Result<Duration> {
        let program = match self.order {
            Order::Plain(state) => {
                load.order(state)?;
                load_names::GEN_DRAW
            }
            Order::Ip(state) => {
                load.order_ip(state)?;
                load_names::GEN_IP_DRAW
            }
        };
        let place = Place::host(bed.host("h1")?);
        Ok(load.generate_long(program, place, frames, cpu, self.length - FCS, self.batch())?)
    }
}

/// Who forwards what.
#[derive(Clone)]
pub struct Contender {
    /// For people.
    pub name: String,
    /// Where.
    pub bed: Rc<Testbed>,
    /// What.
    pub traffic: Traffic,
}

/// Frames that arrived, and the time that sending them took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Frames given to the first veth, times the hosts that each is for.
    pub offered: u64,
    /// Frames counted where the contender's frames end: at the receiving hosts, for the floor at the first switch port.
    pub received: u64,
    /// From the first to the last frame, with the call's set-up.
    pub elapsed: Duration,
}

impl Measured {
    /// Millions a second.
    #[must_use]
    pub fn mpps(&self) -> f64 {
        self.received as f64 / self.elapsed.as_secs_f64() / 1e6
    }

    /// Part that arrived.
    #[must_use]
    pub fn delivered(&self) -> f64 {
        self.received as f64 / self.offered as f64
    }
}

impl Contender {
    /// Sends `frames` and counts what arrives.
    ///
    /// # Errors
    /// What the generator says.
    pub fn measure(&self, load: &mut Load, frames: u32, cpu: usize) -> Result<Measured> {
        let offered = u64::from(frames) * u64::from(self.traffic.copies);
        let before = load.taken()?;
        let elapsed = self.traffic.send(load, &self.bed, frames, cpu)?;
        let (ended, mut taken) = (Instant::now(), load.taken()?);
        while taken - before < offered && ended.elapsed() < DRAIN {
            std::thread::sleep(Duration::from_millis(1));
            taken = load.taken()?;
        }
        Ok(Measured { offered, received: taken - before, elapsed })
    }
}
