//! One port: its receive, periodic, mux and transmit machines (IEEE 802.1AX-2014 6.4.12 to 6.4.16).

use serde::{Deserialize, Serialize};

use super::packet::{INFO, Info, Lacpdu, bits};
use super::timers::{BURST, FAST, LONG, SHORT, SLOW, WAIT};
use crate::time::Time;

/// Receive machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rx {
    /// No link.
    Disabled,
    /// Nothing was heard for too long, or yet.
    Expired,
    /// Nobody is there.
    Defaulted,
    /// The partner speaks.
    Current,
}

/// Mux machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mux {
    /// In no group.
    Detached,
    /// Others may come with it.
    Waiting,
    /// In its group.
    Attached,
    /// Takes frames.
    Collecting,
    /// Takes and sends frames.
    Distributing,
}

const RX: [Rx; 4] = [Rx::Disabled, Rx::Expired, Rx::Defaulted, Rx::Current];
const MUX: [Mux; 5] = [Mux::Detached, Mux::Waiting, Mux::Attached, Mux::Collecting, Mux::Distributing];

/// Frames of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// LACPDUs received.
    pub received: u64,
    /// LACPDUs sent.
    pub sent: u64,
    /// Markers answered.
    pub markers: u64,
}

/// See the file's first line.
#[derive(Clone, Debug)]
pub(super) struct PortState {
    /// What this side says: identity and the bits that are configured. The others follow from the machines.
    pub(super) actor: Info,
    /// What the other side said, or nothing.
    pub(super) partner: Info,
    pub(super) rx: Rx,
    pub(super) mux: Mux,
    /// The selection logic wants it in the group.
    pub(super) selected: bool,
    pub(super) counters: Counters,
    current_while: Option<Time>,
    wait_while: Option<Time>,
    periodic: Option<(std::time::Duration, Time)>,
    /// Need to transmit.
    ntt: bool,
    /// Times of the last LACPDUs, oldest first.
    sent: [Option<Time>; BURST],
}

/// Bytes of a port in [`PortState::export`].
pub(super) const EXPORT: usize = 2 + 3 + INFO;

impl PortState {
    /// A port whose link is down.
    pub(super) fn new(actor: Info) -> Self {
        Self {
            actor,
            partner: Info::default(),
            rx: Rx::Disabled,
            mux: Mux::Detached,
            selected: false,
            counters: Counters::default(),
            current_while: None,
            wait_while: None,
            periodic: None,
            ntt: false,
            sent: [None; BURST],
        }
    }

    /// This side with all its bits.
    pub(super) fn actor(&self) -> Info {
        let mut actor = self.actor;
        actor.set(bits::SYNCHRONIZATION, self.mux >= Mux::Attached);
        actor.set(bits::COLLECTING, self.mux >= Mux::Collecting);
        actor.set(bits::DISTRIBUTING, self.mux == Mux::Distributing);
        actor.set(bits::DEFAULTED, matches!(self.rx, Rx::Defaulted | Rx::Disabled));
        actor.set(bits::EXPIRED, self.rx == Rx::Expired);
        actor
    }

    /// The partner it could be in a group with: its system and key.
    pub(super) fn group(&self) -> Option<(u16, [u8; 6], u16)> {
        let heard = matches!(self.rx, Rx::Current | Rx::Expired) && self.partner.system != [0; 6];
        // A port that hears its own switch has a loop on it.
        let other = self.partner.system != self.actor.system;
        (heard && other && self.partner.has(bits::AGGREGATION)).then_some((
            self.partner.system_priority,
            self.partner.system,
            self.partner.key,
        ))
    }

    /// The identity or what is configured of this side changed.
    pub(super) fn reconfigure(&mut self, actor: Info) {
        if self.actor != actor {
            self.ntt = true;
            self.actor = actor;
        }
    }

    pub(super) fn link(&mut self, now: Time, up: bool) {
        match (self.rx, up) {
            (Rx::Disabled, true) => self.expire(now),
            (Rx::Disabled, false) | (_, true) => {}
            (_, false) => {
                self.rx = Rx::Disabled;
                self.partner.set(bits::SYNCHRONIZATION, false);
                (self.current_while, self.selected) = (None, false);
            }
        }
    }

    fn expire(&mut self, now: Time) {
        self.rx = Rx::Expired;
        self.partner.set(bits::SYNCHRONIZATION | bits::COLLECTING | bits::DISTRIBUTING, false);
        self.partner.set(bits::TIMEOUT, true);
        self.current_while = Some(now + SHORT);
        self.ntt = true;
    }

    /// A LACPDU has come.
    pub(super) fn receive(&mut self, now: Time, pdu: &Lacpdu) {
        self.counters.received += 1;
        if self.rx == Rx::Disabled {
            return;
        }
        // update_Selected
        let aggregates = |info: &Info| info.has(bits::AGGREGATION);
        if !self.partner.is_same_port(&pdu.actor) || aggregates(&self.partner) != aggregates(&pdu.actor) {
            self.selected = false;
        }
        // update_NTT
        let actor = self.actor();
        let told = bits::ACTIVITY | bits::TIMEOUT | bits::SYNCHRONIZATION | bits::AGGREGATION;
        let knows = pdu.partner.is_same_port(&actor) && (pdu.partner.state ^ actor.state) & told == 0;
        if !knows {
            self.ntt = true;
        }
        // recordPDU
        self.partner = pdu.actor;
        let matched = (pdu.partner.is_same_port(&actor) && aggregates(&pdu.partner) == aggregates(&actor))
            || !aggregates(&pdu.actor);
        let maintained =
            pdu.actor.has(bits::ACTIVITY) || (actor.has(bits::ACTIVITY) && pdu.partner.has(bits::ACTIVITY));
        let synchronized = pdu.actor.has(bits::SYNCHRONIZATION) && matched && maintained;
        self.partner.set(bits::SYNCHRONIZATION, synchronized);
        self.rx = Rx::Current;
        self.current_while = Some(now + self.patience());
    }

    fn patience(&self) -> std::time::Duration {
        if self.actor.has(bits::TIMEOUT) { SHORT } else { LONG }
    }

    /// What time does to the receive machine, and to the mux machine's wait.
    pub(super) fn age(&mut self, now: Time) {
        self.wait_while = self.wait_while.filter(|at| now < *at);
        if self.current_while.is_none_or(|at| now < at) {
            return;
        }
        match self.rx {
            Rx::Current => self.expire(now),
            Rx::Expired => {
                self.rx = Rx::Defaulted;
                self.partner = Info::default();
                (self.current_while, self.selected) = (None, false);
                self.ntt = true;
            }
            Rx::Disabled | Rx::Defaulted => self.current_while = None,
        }
    }

    /// Whether it waits for others, and does so still.
    pub(super) fn waits(&self) -> bool {
        self.mux == Mux::Waiting && self.wait_while.is_some()
    }

    /// Lets the mux machine go as far as it can. `ready`: nobody in the group waits any more.
    pub(super) fn mux(&mut self, now: Time, ready: bool) {
        loop {
            let synchronized = self.partner.has(bits::SYNCHRONIZATION);
            let next = match self.mux {
                Mux::Detached if self.selected => {
                    self.wait_while = Some(now + WAIT);
                    Mux::Waiting
                }
                Mux::Waiting if !self.selected => Mux::Detached,
                Mux::Waiting if ready => Mux::Attached,
                Mux::Attached if !self.selected => Mux::Detached,
                Mux::Attached if synchronized => Mux::Collecting,
                Mux::Collecting if !self.selected || !synchronized => Mux::Attached,
                Mux::Collecting if self.partner.has(bits::COLLECTING) => Mux::Distributing,
                Mux::Distributing
                    if !self.selected || !synchronized || !self.partner.has(bits::COLLECTING) =>
                {
                    Mux::Collecting
                }
                _ => return,
            };
            let told = |mux: Mux| (mux >= Mux::Attached, mux >= Mux::Collecting, mux == Mux::Distributing);
            self.ntt |= told(self.mux) != told(next);
            self.mux = next;
            if next == Mux::Waiting {
                return;
            }
        }
    }

    /// What time does to the periodic machine.
    pub(super) fn period(&mut self, now: Time) {
        let silent =
            self.rx == Rx::Disabled || !(self.actor.has(bits::ACTIVITY) || self.partner.has(bits::ACTIVITY));
        if silent {
            self.periodic = None;
            return;
        }
        let wanted = if self.partner.has(bits::TIMEOUT) { FAST } else { SLOW };
        match self.periodic {
            Some((period, at)) if period == wanted && now < at => {}
            // The partner is content with less: nothing is due for it.
            Some((FAST, _)) if wanted == SLOW => self.periodic = Some((wanted, now + wanted)),
            _ => {
                self.ntt = true;
                self.periodic = Some((wanted, now + wanted));
            }
        }
    }

    /// The LACPDU that is to be sent now, if there is one.
    pub(super) fn transmit(&mut self, now: Time) -> Option<Lacpdu> {
        if self.periodic.is_none() {
            // Nobody would listen, or both only listen.
            self.ntt = false;
        }
        if !self.ntt || self.held().is_some_and(|at| now < at) {
            return None;
        }
        self.ntt = false;
        self.sent.rotate_left(1);
        self.sent[BURST - 1] = Some(now);
        self.counters.sent += 1;
        Some(Lacpdu { actor: self.actor(), partner: self.partner })
    }

    /// Until when nothing may be sent.
    fn held(&self) -> Option<Time> {
        self.sent[0].map(|at| at + FAST)
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let send = if self.ntt { self.held() } else { None };
        let wait = self.wait_while.filter(|_| self.mux == Mux::Waiting);
        [self.current_while, wait, self.periodic.map(|(_, at)| at), send].into_iter().flatten().min()
    }

    /// What the next master must know.
    pub(super) fn export(&self, number: u16) -> [u8; EXPORT] {
        let mut out = [0; EXPORT];
        out[..2].copy_from_slice(&number.to_be_bytes());
        out[2] = RX.iter().position(|rx| *rx == self.rx).unwrap_or(0) as u8;
        out[3] = MUX.iter().position(|mux| *mux == self.mux).unwrap_or(0) as u8;
        out[4] = self.selected.into();
        out[5..].copy_from_slice(&self.partner.to_bytes());
        out
    }

    /// Goes on where an [`Self::export`] was made; its partner has the whole of its time again.
    pub(super) fn import(&mut self, now: Time, from: &[u8; EXPORT]) {
        let (Some(rx), Some(mux)) = (RX.get(usize::from(from[2])), MUX.get(usize::from(from[3]))) else {
            return;
        };
        let mut partner = [0; INFO];
        partner.copy_from_slice(&from[5..]);
        (self.rx, self.mux) = (*rx, *mux);
        self.selected = from[4] != 0;
        self.partner = Info::from_bytes(partner);
        self.current_while = match rx {
            Rx::Current => Some(now + self.patience()),
            Rx::Expired => Some(now + SHORT),
            Rx::Disabled | Rx::Defaulted => None,
        };
        self.wait_while = (self.mux == Mux::Waiting).then_some(now + WAIT);
    }
}
