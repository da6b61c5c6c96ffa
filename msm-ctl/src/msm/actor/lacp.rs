//! LACP's place in the actor: it acts while this MSM may write, and says so to the slave first.

use std::time::{Duration, Instant};

use msm_dataplane::TrappedFrame;
use msm_proto::Input;
use msm_proto::lacp::Output;

use super::{Actor, Back};
use crate::process;
use crate::protocols::traps;

/// Name of the task that reads trapped frames.
const TASK: &str = "lacp";

impl Actor {
    /// Hears what is trapped, if the tree is this MSM's.
    pub(super) fn listen(&mut self) {
        if let Some(traps) = self.plane.lacp_traps() {
            self.tasks.spawn(TASK, true, traps::read(traps, self.back.clone(), Back::Trapped));
        }
    }

    /// Goes on where the master before stopped. What is to be done waits until the tables are right.
    pub(super) fn lacp_resume(&mut self) -> Vec<Output> {
        let outputs = self.lacp.resume(&self.config.config);
        for output in &outputs {
            match output {
                Output::Collect(ports) => self.plane.collect(ports),
                Output::Distribute(ports) => self.plane.distribute(ports),
                Output::Replicate(_) | Output::Send { .. } => {}
            }
        }
        outputs
    }

    /// When LACP has something to do.
    pub(super) fn lacp_due(&self) -> Option<Instant> {
        self.plane.writable()?;
        let due = self.lacp.deadline()?;
        Some(Instant::now() + Duration::from_nanos(due.0.saturating_sub(process::monotonic_ns())))
    }

    /// Sends no more once the tree is another's to take: that has been said, so nobody waits for this.
    pub(super) fn lacp_released(&mut self) {
        if !self.plane.is_owned() {
            self.frames.clear();
            self.lacp.silence();
        }
    }

    pub(super) fn lacp_tick(&mut self) {
        if self.plane.writable().is_some() {
            let outputs = self.lacp.tick();
            self.lacp_outputs(outputs);
            self.lacp_told();
        }
    }

    pub(super) fn lacp_frame(&mut self, frame: &TrappedFrame) {
        if self.plane.writable().is_some() {
            let outputs = self.lacp.frame(frame);
            self.lacp_outputs(outputs);
            self.lacp_told();
        }
    }

    /// Configuration or links may have changed.
    pub(super) fn lacp_follow(&mut self) {
        if self.plane.writable().is_some() {
            let outputs = self.lacp.follow(&self.config.config);
            self.lacp_outputs(outputs);
        }
    }

    /// Does what the engine says, in its order. Frames go out when the slave has been told what they say.
    pub(super) fn lacp_outputs(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Replicate(bytes) => self.results.push_back(Input::State { bytes }),
                Output::Collect(ports) => self.plane.collect(&ports),
                Output::Distribute(ports) => {
                    self.lacp.note(&ports);
                    self.plane.distribute(&ports);
                }
                Output::Send { port, frame } => self.frames.push((port, frame)),
            }
        }
    }

    /// Sends what has waited for the slave to be told.
    pub(super) fn lacp_told(&mut self) {
        self.drain();
        for (port, frame) in std::mem::take(&mut self.frames) {
            self.lacp.send(&self.config.config, port, &frame);
        }
    }
}
