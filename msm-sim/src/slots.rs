//! Processes of MSMs: they start, are stopped, go on, and die.

use msm_proto::{History, Identity, Input, Machine, Slot, backplane::BackplaneInput};

use crate::{
    MS, US,
    checks::Fallen,
    host::Process,
    index,
    tree::Instance,
    world::{Event, Thread, World},
};

impl World {
    pub(crate) fn start(&mut self, slot: Slot) {
        if self.processes[index(slot)].is_some() {
            return;
        }
        let instance = self.random.next();
        self.pids += 1;
        let pid = self.pids;
        let identity = Identity { slot, instance, pid, version: "0.1.0".into(), image: "primary".into() };
        self.note(|| format!("{slot}: starts as {instance:x}, pid {pid}"));
        self.processes[index(slot)] = Some(Process::new(instance, pid, Machine::new(identity), self.options));
        let options = self.options;
        let last_owner = self.tree.name.map(|name| name.slot);
        self.input(slot, Input::Boot { options, history: History::default(), last_owner });
        self.wire();
        if self.chassis.is_some() {
            let delay = MS + self.jitter(3 * MS);
            self.at(delay, Event::Thread(slot, instance, Thread::Hello));
            self.at(delay + MS, Event::Thread(slot, instance, Thread::Kick));
        }
    }

    /// SIGKILL: the lock is free, what was sent is still read, then end of file; the pidfd tells.
    pub(crate) fn kill(&mut self, slot: Slot) {
        let Some(process) = self.processes[index(slot)].take() else { return };
        self.note(|| format!("{slot}: dies"));
        self.digest.word(self.now);
        let instance = process.instance;
        let peer = slot.peer();
        self.checks.replays(&process);
        self.checks.takeovers.died(instance);
        if self.tree.owns(instance) {
            self.checks.commands.owner_died(instance, &self.tree);
            let ready = self.tree.meta.and_then(|meta| meta.ready) == Some(peer);
            let heir = self.processes[index(peer)]
                .as_ref()
                .filter(|other| ready && other.machine.role() == msm_proto::Role::Slave);
            self.checks.takeovers.owner_died(
                self.now,
                self.fallen(&process, true),
                heir.map(|heir| (peer, heir)),
            );
        } else if process.serves {
            self.checks.takeovers.owner_died(self.now, self.fallen(&process, true), None);
        }
        self.checks.waiting.died(instance);
        self.tree.die(instance);
        if let Some(mut link) = self.link.take_if(|link| link.ends[index(slot)].1 == instance) {
            // Nobody holds back what a dead process has sent.
            let latest = self.now + self.frame_delay;
            for (when, _) in link.queues[index(peer)].iter_mut().flatten() {
                *when = latest.min(*when);
            }
            self.half_close(link, peer, 0);
        }
        if let Some(other) = &self.processes[index(peer)] {
            let heir = other.instance;
            let sessions = other.sessions.iter().filter(|(_, whom)| *whom == instance);
            for session in sessions.map(|(session, _)| *session).collect::<Vec<_>>() {
                let delay = 200 * US + self.jitter(300 * US);
                self.at(delay, Event::Input(peer, heir, Input::PeerDead { session }));
            }
        }
        let pid = process.pid;
        let delays = [self.jitter(500 * US), self.jitter(500 * US)];
        self.tell_backplane(delays[0], BackplaneInput::Gone { slot, pid });
        self.tell_backplane(delays[1], BackplaneInput::Died { slot, pid });
        if self.chassis.is_none() && self.power[index(slot)] {
            let delay = self.restart_delay + self.jitter(5 * MS);
            self.at(delay, Event::Start(slot));
        }
    }

    /// What is known of an owner whose tree is taken.
    pub(crate) fn fallen(&self, process: &Process, died: bool) -> Fallen {
        let mut options = vec![process.machine.status().options, process.acknowledged];
        options.extend(process.asked.values());
        let slot = process.machine.status().identity.slot;
        Fallen { slot, instance: process.instance, truth: process.truth.clone(), options, died }
    }

    /// SIGSTOP, and SIGCONT after `length`.
    pub(crate) fn pause(&mut self, slot: Slot, length: u64) {
        let now = self.now;
        if let Some(process) = &mut self.processes[index(slot)] {
            // Never shorter than before: events keep their order.
            process.paused_until = process.paused_until.max(now + length);
            process.truth.stops.push((now, process.paused_until));
            self.note(|| format!("{slot}: is stopped for {} ms", length / MS));
        }
    }

    /// When nobody is stopped any more, and nothing is held back.
    pub(crate) fn all_go_on(&self) -> u64 {
        let msms = self.processes.iter().flatten().map(|process| process.paused_until);
        let backplane = self.chassis.as_ref().map(|chassis| chassis.paused_until);
        msms.chain(backplane).chain(self.faults.silent_until).fold(self.now, u64::max)
    }

    pub(crate) fn process(&mut self, slot: Slot) -> &mut Process {
        self.processes[index(slot)].as_mut().expect("the process acts, so it lives")
    }

    /// Whether `instance` has the tree and has begun to serve.
    pub(crate) fn reigns(&self, slot: Slot, instance: Instance) -> bool {
        self.tree.owns(instance)
            && self.processes[index(slot)]
                .as_ref()
                .is_some_and(|process| process.instance == instance && process.serves)
    }
}
