//! The master's side of subsystems that have state of their own: pieces of it as they are now, and every change, in one numbered row.
//!
//! A piece is asked for when there is room for it, so that a transfer costs the master one piece at a time. A change goes behind the
//! pieces that do not have it. What the slave has not acknowledged is kept, and goes on where it stood when the same process comes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    core::Core,
    events::{Level, Output},
    master::Master,
    sync::SlaveSync,
    timers,
};
use crate::{
    ITEMS_MAX,
    message::{Message, Piece},
    options::Options,
    replication::HELD_MAX,
    subsystem::{Reason, State, Subsystem},
    time::Time,
};

/// Messages under way: the transfer never fills an outbox.
const WINDOW: u64 = 8;
/// Messages that are kept, and bytes of them: what comes at 1,000 a second while a link is away, many times. More is `brkt ovflow`.
const KEPT_MAX: usize = 64 * 1024;

/// One subsystem's row.
#[derive(Debug)]
struct Stream {
    /// Which transfer: a row begins anew under another number.
    transfer: u64,
    /// Not acknowledged; the first is number `acked` + 1.
    kept: VecDeque<(Piece, Vec<u8>)>,
    bytes: usize,
    acked: u64,
    sent: u64,
    /// A piece has been asked for.
    asked: bool,
    /// Number of the last piece, once there was one.
    last: Option<u64>,
    /// Something came of it.
    moved: Time,
    /// The slave has said in this session where it stands, or it began in this session.
    attached: bool,
}

impl Stream {
    fn new(now: Time, transfer: u64) -> Self {
        Self {
            transfer,
            kept: VecDeque::new(),
            bytes: 0,
            acked: 0,
            sent: 0,
            asked: false,
            last: None,
            moved: now,
            attached: true,
        }
    }

    fn given(&self) -> u64 {
        self.acked + self.kept.len() as u64
    }

    fn acknowledge(&mut self, now: Time, number: u64) {
        while self.acked < number {
            let Some((_, bytes)) = self.kept.pop_front() else { return };
            self.bytes -= bytes.len();
            self.acked += 1;
        }
        self.moved = now;
    }

    fn push(&mut self, now: Time, piece: Piece, bytes: Vec<u8>) {
        if self.sent == self.given() {
            // Nothing was waited for.
            self.moved = now;
        }
        self.bytes += bytes.len();
        self.kept.push_back((piece, bytes));
    }

    fn state(&self) -> State {
        match self.last {
            Some(last) if self.acked >= last => State::Ready,
            _ if self.given() > 0 => State::Xfr,
            _ => State::Initial,
        }
    }

    /// When it stands still: something is waited for since long.
    fn deadline(&self) -> Option<Time> {
        (self.asked || self.attached && self.sent > self.acked).then(|| self.moved + timers::TRANSFER)
    }
}

/// See the file's first line.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Which start of the slave has them.
    instance: u64,
    rows: BTreeMap<Subsystem, Stream>,
    /// Those that stood still: begun anew when the slave asks again.
    behind: BTreeSet<Subsystem>,
    /// Asked for by rows that are no more: their results are nothing.
    stale: BTreeMap<Subsystem, u32>,
    /// Last number of a transfer.
    transfers: u64,
    /// A slave has asked for everything in this session.
    wanted: bool,
    /// The link is away; given up then.
    until: Option<Time>,
}

impl Streams {
    /// A slave asks for everything. What it took up again, or has in this session, goes on.
    fn want(&mut self, core: &mut Core, instance: u64) {
        if self.instance != instance {
            self.drop_all(core);
            self.instance = instance;
        }
        let lost: Vec<_> = self.rows.iter().filter(|(_, row)| !row.attached).map(|(name, _)| *name).collect();
        lost.into_iter().for_each(|name| self.drop_one(core, name));
        self.behind.clear();
        self.wanted = true;
        self.until = None;
    }

    /// The link has ended.
    fn detach(&mut self, now: Time) {
        self.wanted = false;
        self.until = Some(now + timers::RESUME).filter(|_| !self.rows.is_empty());
        for row in self.rows.values_mut() {
            row.attached = false;
        }
    }

    fn drop_one(&mut self, core: &mut Core, name: Subsystem) {
        if let Some(row) = self.rows.remove(&name) {
            if row.asked {
                *self.stale.entry(name).or_default() += 1;
            }
            core.push(Output::Unsubscribe { subsystem: name });
        }
    }

    fn drop_all(&mut self, core: &mut Core) {
        Subsystem::ALL.into_iter().for_each(|name| self.drop_one(core, name));
    }

    /// Begins what the options want and ends what they do not.
    fn follow(&mut self, core: &mut Core, now: Time, options: &Options, slave: &SlaveSync) {
        for name in Subsystem::ALL.into_iter().filter(|name| name.has_state()) {
            let wanted = name.enabled(options) && slave.failure(name).is_none();
            if !wanted {
                self.drop_one(core, name);
            } else if self.wanted && !self.rows.contains_key(&name) && !self.behind.contains(&name) {
                self.transfers += 1;
                self.rows.insert(name, Stream::new(now, self.transfers));
                core.push(Output::Subscribe { subsystem: name });
            }
        }
    }

    /// Sends what there is room for, and asks for more.
    fn pump(&mut self, core: &mut Core, now: Time) {
        for (name, row) in &mut self.rows {
            while row.attached && row.sent < row.given() && row.sent < row.acked + WINDOW {
                // At most the kept ones, which fit in memory.
                let at = usize::try_from(row.sent - row.acked).unwrap_or(usize::MAX);
                let Some((piece, bytes)) = row.kept.get(at) else { break };
                row.sent += 1;
                core.send(&Message::Piece {
                    subsystem: *name,
                    transfer: row.transfer,
                    number: row.sent,
                    piece: *piece,
                    bytes: bytes.clone(),
                });
            }
            if row.attached && row.last.is_none() && !row.asked && (row.kept.len() as u64) < WINDOW {
                row.asked = true;
                row.moved = now;
                core.push(Output::NextItems { subsystem: *name });
            }
        }
    }

    /// Gives a subsystem up until the slave asks again.
    fn leave_behind(&mut self, core: &mut Core, name: Subsystem) {
        self.drop_one(core, name);
        self.behind.insert(name);
    }

    /// State and reason of one that has not failed.
    pub(super) fn row(&self, name: Subsystem) -> (State, Reason) {
        if self.behind.contains(&name) {
            return (State::Initial, Reason::CommError);
        }
        (self.rows.get(&name).map_or(State::Initial, Stream::state), Reason::None)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.rows.values().filter_map(Stream::deadline).chain(self.until).min()
    }

    /// How far each is: all of it is to be there before the tree is released.
    pub(super) fn positions(&self) -> Vec<(Subsystem, u64)> {
        self.rows.iter().map(|(name, row)| (*name, row.given())).collect()
    }

    /// Whether the slave has everything up to `positions`.
    pub(super) fn reached(&self, positions: &[(Subsystem, u64)]) -> bool {
        positions.iter().all(|(name, at)| self.rows.get(name).is_none_or(|row| row.acked >= *at))
    }
}

impl Master {
    /// A slave asks for everything.
    pub(super) fn want_streams(&mut self, core: &mut Core, instance: u64) {
        self.streams.want(core, instance);
    }

    /// The link has ended.
    pub(super) fn detach_streams(&mut self, now: Time) {
        self.streams.detach(now);
    }

    /// After every step.
    pub(super) fn pump_streams(&mut self, core: &mut Core, now: Time) {
        let options = core.options;
        match &self.slave {
            Some(slave) if self.serving => self.streams.follow(core, now, &options, slave),
            _ => {}
        }
        self.streams.pump(core, now);
    }

    pub(super) fn tick_streams(&mut self, core: &mut Core, now: Time) {
        if self.streams.until.take_if(|until| now >= *until).is_some() {
            self.streams.drop_all(core);
        }
        let still = |row: &Stream| row.deadline().is_some_and(|until| now >= until);
        let stand: Vec<_> =
            self.streams.rows.iter().filter(|(_, row)| still(row)).map(|(name, _)| *name).collect();
        for name in &stand {
            self.streams.leave_behind(core, *name);
        }
        if let Some(name) = stand.first().filter(|_| self.slave.is_some()) {
            self.demote(core, &format!("the transfer of {name} stands still"));
        }
    }

    /// The slave has a part of a transfer from before, and would go on with it.
    pub(super) fn resume_stream(
        &mut self,
        core: &Core,
        now: Time,
        name: Subsystem,
        transfer: u64,
        number: u64,
    ) {
        let same = core.peer().is_some_and(|peer| peer.identity.instance == self.streams.instance);
        let Some(row) = self.streams.rows.get_mut(&name) else { return };
        let known = row.transfer == transfer && (row.acked..=row.given()).contains(&number);
        if same && known && !row.attached {
            row.acknowledge(now, number);
            row.sent = number;
            row.attached = true;
        }
    }

    pub(super) fn piece_acknowledged(&mut self, now: Time, name: Subsystem, transfer: u64, number: u64) {
        if let Some(row) = self.streams.rows.get_mut(&name)
            && row.transfer == transfer
            && row.attached
            && number > row.acked
            && number <= row.sent
        {
            row.acknowledge(now, number);
        }
    }

    /// The process gives a piece.
    pub(super) fn items(&mut self, core: &mut Core, now: Time, name: Subsystem, bytes: Vec<u8>, last: bool) {
        if self.is_stale(name) {
            return;
        }
        let Some(row) = self.streams.rows.get_mut(&name).filter(|row| row.asked) else { return };
        row.asked = false;
        row.push(now, if last { Piece::Last } else { Piece::Items }, bytes);
        if last {
            row.last = Some(row.given());
        }
        self.bound(core, name);
    }

    /// A result of a row that is no more.
    fn is_stale(&mut self, name: Subsystem) -> bool {
        let stale = self.streams.stale.get_mut(&name).filter(|count| **count > 0);
        stale.map(|count| *count -= 1).is_some()
    }

    /// The process tells a change. One before the first piece is in that piece.
    pub(super) fn delta(&mut self, core: &mut Core, now: Time, name: Subsystem, bytes: Vec<u8>) {
        if let Some(row) = self.streams.rows.get_mut(&name).filter(|row| row.given() > 0) {
            row.push(now, Piece::Delta, bytes);
            self.bound(core, name);
        }
    }

    /// Nothing grows without a limit: a slave that does not keep up fails, one that is away begins anew.
    fn bound(&mut self, core: &mut Core, name: Subsystem) {
        let Some(row) = self.streams.rows.get(&name) else { return };
        let long = row.kept.back().is_some_and(|(_, bytes)| bytes.len() > ITEMS_MAX);
        if !long && row.kept.len() <= KEPT_MAX && row.bytes <= HELD_MAX {
            return;
        }
        if row.attached {
            self.fail(core, name, Reason::BracketOverflow);
        } else {
            self.streams.drop_one(core, name);
        }
    }

    /// The process cannot give it.
    pub(super) fn cannot_give(&mut self, core: &mut Core, name: Subsystem, reason: Reason, text: &str) {
        if self.is_stale(name) {
            return;
        }
        if let Some(row) = self.streams.rows.get_mut(&name) {
            row.asked = false;
        }
        core.log(Level::Error, format!("{name} cannot be given to the slave: {text}"));
        self.fail(core, name, reason);
    }
}
