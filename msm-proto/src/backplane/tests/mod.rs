//! The machine of the chassis, row by row.

mod arbitration;
mod operator;
mod power;
mod resets;
mod watchdog;

use std::time::Duration;

use super::{BackplaneInput as In, BackplaneOutput as Out, *};

const A: Slot = Slot::A;
const B: Slot = Slot::B;
const TIMEOUT: Duration = Duration::from_secs(2);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A chassis with a clock.
struct Chassis {
    now: Time,
    machine: Backplane,
    /// All outputs but lines of the log, since [`Chassis::take`].
    out: Vec<Out>,
    log: Vec<String>,
}

impl Chassis {
    /// Bays A and B; nothing has started.
    fn off(bays: &[Bay]) -> Self {
        let now = Time(0) + Duration::from_secs(100);
        Self { now, machine: Backplane::new(bays), out: Vec::new(), log: Vec::new() }
    }

    /// MSM A (pid 10) is the master, MSM B (pid 20) the slave, both connected and kicking.
    fn pair() -> Self {
        let mut chassis = Self::off(&Bay::ALL);
        chassis.give(In::Tick);
        for (slot, pid) in [(A, 10), (B, 20)] {
            chassis.give(In::Running { slot, pid });
            chassis.give(In::Here { slot, pid });
            chassis.kick(slot, pid);
        }
        chassis.take();
        chassis
    }

    fn give(&mut self, input: In) {
        for output in self.machine.step(self.now, input) {
            match output {
                Out::Log { text, .. } => self.log.push(text),
                output => self.out.push(output),
            }
        }
        if let Some(deadline) = self.machine.deadline() {
            assert!(deadline > self.now || self.is_starting(), "a deadline that has passed: {deadline:?}");
        }
    }

    /// What is due at once comes with the next Tick.
    fn is_starting(&self) -> bool {
        self.machine.msms.iter().any(|msm| matches!(msm.start, state::Start::Due(at) if at <= self.now))
    }

    fn kick(&mut self, slot: Slot, pid: u32) {
        self.give(In::Kick { slot, pid, timeout: TIMEOUT, master: slot == A });
    }

    fn operate(&mut self, request: u64, what: Operate) {
        self.give(In::Operator { request, what });
    }

    /// Lets time go by, with a Tick at each deadline.
    fn wait(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.give(In::Tick);
        }
        self.now = until;
        self.give(In::Tick);
    }

    /// The same with both MSMs kicking, as long as they live.
    fn wait_kicking(&mut self, length: Duration, who: &[(Slot, u32)]) {
        let until = self.now + length;
        while self.now < until {
            self.wait((TIMEOUT / 4).min(until - self.now));
            who.iter().for_each(|(slot, pid)| self.kick(*slot, *pid));
        }
    }

    /// Acknowledges the notices that came.
    fn note(&mut self) {
        let notices = self.out.iter().filter_map(|output| match output {
            Out::Notice { to, number, .. } => Some((*to, *number)),
            _ => None,
        });
        for (slot, number) in notices.collect::<Vec<_>>() {
            self.give(In::Noted { slot, number });
        }
    }

    fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// Without what MSMs are told of fabrics.
    fn deeds(&mut self) -> Vec<Out> {
        self.take().into_iter().filter(|output| !matches!(output, Out::Fabrics { .. })).collect()
    }

    fn fabric(&self, bay: Bay) -> Fabric {
        self.machine.fabrics[bay.index()]
    }

    fn said(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.contains(text))
    }
}

/// The notice about `about`, whatever its number.
fn notice(outputs: &[Out], about: Slot) -> Option<(Slot, Trigger)> {
    outputs.iter().find_map(|output| match output {
        Out::Notice { to, about: slot, trigger, .. } if *slot == about => Some((*to, *trigger)),
        _ => None,
    })
}

fn is_kill(output: &Out, slot: Slot) -> bool {
    matches!(output, Out::Kill { slot: killed, .. } if *killed == slot)
}

fn killed(outputs: &[Out], slot: Slot) -> bool {
    outputs.iter().any(|output| is_kill(output, slot))
}

fn started(outputs: &[Out], slot: Slot) -> bool {
    outputs.contains(&Out::Start { slot })
}

fn answer(outputs: &[Out], request: u64) -> Option<&Result<String, String>> {
    let mut answers = outputs.iter().filter_map(|output| match output {
        Out::Answer { request: asked, result } if *asked == request => Some(result),
        _ => None,
    });
    let first = answers.next();
    assert_eq!(answers.next(), None, "answered twice");
    first
}
