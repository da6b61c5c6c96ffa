//! The T-sync link: two channels each way, ordered within each; cuts, and end of file after what was sent.

use std::collections::VecDeque;

use msm_proto::{Channel, Envelope, Input, Message, Record, Slot};

use crate::{
    MS, SLOTS, US, index,
    tree::Instance,
    world::{Broken, Event, World},
};

/// Frames on their way: (when, bytes).
pub(crate) type Queue = VecDeque<(u64, Vec<u8>)>;

pub(crate) struct Link {
    pub(crate) number: u64,
    /// Session number and instance at each end.
    pub(crate) ends: [(u64, Instance); 2],
    /// When each end learns of it: no frame comes before.
    pub(crate) open: [u64; 2],
    /// By receiver and channel.
    pub(crate) queues: [[Queue; 2]; 2],
}

impl World {
    /// Connects, if both ends and the wire are there.
    pub(crate) fn wire(&mut self) {
        if self.wired && !self.connecting && self.link.is_none() {
            self.connecting = true;
            let delay = 100 * US + self.jitter(MS);
            self.at(delay, Event::Connect);
        }
    }

    pub(crate) fn connect(&mut self) {
        self.connecting = false;
        let [Some(a), Some(b)] = &mut self.processes else { return };
        if self.link.is_some() || !self.wired {
            return;
        }
        self.links += 1;
        let number = self.links;
        // Numbered by each process for itself.
        let ends = [a.sessions.len() as u64 + 1, b.sessions.len() as u64 + 1];
        a.sessions.push((ends[0], b.instance));
        b.sessions.push((ends[1], a.instance));
        let instances = [a.instance, b.instance];
        let queue = || [Queue::new(), Queue::new()];
        let delays = [self.jitter(50 * US), self.jitter(50 * US)];
        self.link = Some(Link {
            number,
            ends: [(ends[0], instances[0]), (ends[1], instances[1])],
            open: delays.map(|delay| self.now + delay),
            queues: [queue(), queue()],
        });
        for slot in SLOTS {
            let session = ends[index(slot)];
            self.at(
                delays[index(slot)],
                Event::Input(slot, instances[index(slot)], Input::PeerConnected { session }),
            );
        }
    }

    /// `to` still reads what is under way, unless `lost` percent strike, then end of file.
    pub(crate) fn half_close(&mut self, mut link: Link, to: Slot, lost: u64) {
        let (session, instance) = link.ends[index(to)];
        let mut last = self.now.max(link.open[index(to)]);
        for channel in 0..2 {
            if self.random.chance(lost) {
                continue;
            }
            for (when, bytes) in std::mem::take(&mut link.queues[index(to)][channel]) {
                last = last.max(when);
                let which = [Channel::Control, Channel::Bulk][channel];
                let frame = self.frame(to, session, which, bytes);
                self.at(when.saturating_sub(self.now), Event::Input(to, instance, frame));
            }
        }
        let delay = last - self.now + self.jitter(300 * US);
        self.at(delay, Event::Input(to, instance, Input::PeerGone { session }));
    }

    /// The link breaks; both live.
    pub(crate) fn cut(&mut self) {
        let Some(link) = self.link.take() else { return };
        self.note(|| "link cut".into());
        let Link { number, ends, open, queues: [a, b] } = link;
        let none = || [Queue::new(), Queue::new()];
        self.half_close(Link { number, ends, open, queues: [a, none()] }, Slot::A, 50);
        self.half_close(Link { number, ends, open, queues: [none(), b] }, Slot::B, 50);
        self.wire();
    }

    pub(crate) fn send(&mut self, from: Slot, session: u64, channel: Channel, bytes: Vec<u8>) {
        let delay = self.jitter(self.frame_delay);
        let Some(link) = self.link.as_mut().filter(|link| link.ends[index(from)].0 == session) else {
            return;
        };
        let to = from.peer();
        let queue = &mut link.queues[index(to)][channel as usize];
        // In order within its channel.
        let when = queue.back().map_or(0, |(last, _)| *last).max(self.now + delay).max(link.open[index(to)]);
        queue.push_back((when, bytes));
        let number = link.number;
        let event = Event::Deliver { to, link: number, channel: channel as usize };
        self.at(when - self.now, event);
    }

    pub(crate) fn deliver(&mut self, to: Slot, number: u64, channel: usize) {
        let Some(link) = self.link.as_mut().filter(|link| link.number == number) else { return };
        let Some((_, bytes)) = link.queues[index(to)][channel].pop_front() else { return };
        let (session, instance) = link.ends[index(to)];
        let which = [Channel::Control, Channel::Bulk][channel];
        let input = self.frame(to, session, which, bytes);
        self.at(0, Event::Input(to, instance, input));
    }

    pub(crate) fn frame(&mut self, to: Slot, session: u64, channel: Channel, mut bytes: Vec<u8>) -> Input {
        if self.broken == Broken::AcksWithoutStoring {
            let envelope = Envelope::decode(&bytes).expect("ours");
            if let Ok(Message::Replicate(record)) = Message::decode(&envelope) {
                let record = Record { bytes: Vec::new(), ..record };
                bytes = Message::Replicate(record).encode(envelope.epoch, envelope.sequence);
            }
        }
        if self.broken == Broken::CutsParts {
            let envelope = Envelope::decode(&bytes).expect("ours");
            if let Ok(Message::Part { generation, index, bytes: part }) = Message::decode(&envelope) {
                let part = Message::Part { generation, index, bytes: part[8..].to_vec() };
                bytes = part.encode(envelope.epoch, envelope.sequence);
            }
        }
        if let Some(changed) = self.intercept.filter(|_| to == Slot::B).and_then(|change| change(&bytes)) {
            bytes = changed;
        }
        Input::Frame { session, channel, bytes }
    }
}
