//! The T-sync link: two channels each way, ordered within each; cuts, and end of file after what was sent.

use std::collections::VecDeque;

use msm_proto::{Channel, Envelope, Input, Message, Record, Slot};

use crate::{
    MS, SLOTS, US,
    broken::Broken,
    index,
    tree::Instance,
    world::{Event, World},
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
    /// Frames delivered, by receiver and channel: for worlds that put in some of their own.
    delivered: [[u64; 2]; 2],
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
            delivered: [[0; 2]; 2],
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
                let bytes = self.renumbered(&mut link, to, channel, bytes);
                let frame = self.frame(to, session, which, bytes);
                self.at(when.saturating_sub(self.now), Event::Input(to, instance, frame));
            }
        }
        let delay = last - self.now + self.jitter(300 * US);
        self.at(delay, Event::Input(to, instance, Input::PeerGone { session }));
    }

    /// What `from` sends stays under way for `length`; both live, and nothing is cut.
    pub(crate) fn silence(&mut self, from: Slot, length: u64) {
        let until = &mut self.faults.silent_until[index(from)];
        *until = (*until).max(self.now + length);
    }

    /// The link breaks; both live.
    pub(crate) fn cut(&mut self) {
        let Some(link) = self.link.take() else { return };
        self.note(|| "link cut".into());
        let Link { number, ends, open, queues: [a, b], delivered } = link;
        let none = || [Queue::new(), Queue::new()];
        self.half_close(Link { number, ends, open, queues: [a, none()], delivered }, Slot::A, 50);
        self.half_close(Link { number, ends, open, queues: [none(), b], delivered }, Slot::B, 50);
        self.wire();
    }

    pub(crate) fn send(&mut self, from: Slot, session: u64, channel: Channel, bytes: Vec<u8>) {
        let mut delay = self.jitter(self.frame_delay);
        if self.broken == Broken::AnswersBeforeReplicating {
            let envelope = Envelope::decode(&bytes).expect("ours");
            match Message::decode(&envelope) {
                Ok(Message::ReplicateAck { .. }) => return,
                Ok(Message::Replicate(record)) => {
                    let ack = Message::ReplicateAck { generation: record.generation };
                    self.queue(from, Channel::Control, 0, ack.encode(envelope.epoch, 1));
                    delay += self.jitter(20 * MS);
                }
                _ => {}
            }
        }
        if self.link.as_ref().is_none_or(|link| link.ends[index(from)].0 != session) {
            return;
        }
        let silence = self.faults.silent_until[index(from)].saturating_sub(self.now);
        self.queue(from.peer(), channel, delay.max(silence), bytes);
    }

    /// A frame is on its way to `to`.
    fn queue(&mut self, to: Slot, channel: Channel, delay: u64, bytes: Vec<u8>) {
        let Some(link) = self.link.as_mut() else { return };
        let queue = &mut link.queues[index(to)][channel as usize];
        // In order within its channel.
        let when = queue.back().map_or(0, |(last, _)| *last).max(self.now + delay).max(link.open[index(to)]);
        queue.push_back((when, bytes));
        let event = Event::Deliver { to, link: link.number, channel: channel as usize };
        self.at(when - self.now, event);
    }

    pub(crate) fn deliver(&mut self, to: Slot, number: u64, channel: usize) {
        let Some(mut link) = self.link.take_if(|link| link.number == number) else { return };
        let frame = link.queues[index(to)][channel].pop_front();
        let (session, instance) = link.ends[index(to)];
        let which = [Channel::Control, Channel::Bulk][channel];
        if let Some((_, bytes)) = frame {
            let bytes = self.renumbered(&mut link, to, channel, bytes);
            let input = self.frame(to, session, which, bytes);
            self.at(0, Event::Input(to, instance, input));
        }
        self.link = Some(link);
    }

    /// A world that forges frames has to number them all.
    fn renumbered(&self, link: &mut Link, to: Slot, channel: usize, bytes: Vec<u8>) -> Vec<u8> {
        if self.broken != Broken::AnswersBeforeReplicating {
            return bytes;
        }
        let delivered = &mut link.delivered[index(to)][channel];
        *delivered += 1;
        let envelope = Envelope::decode(&bytes).expect("ours");
        Envelope { sequence: *delivered, ..envelope }.encode()
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
