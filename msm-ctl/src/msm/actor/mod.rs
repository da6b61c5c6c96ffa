//! The actor: gives the machine what happened, and does what it says, in its order. It decides nothing.

mod arp;
mod chassis;
mod commands;
mod discards;
mod lacp;
mod store;
mod tables;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use msm_abi::Lport;
use msm_dataplane::{Observer, RoutePlan, TrappedFrame};
use msm_proto::{History, Identity, Input, Level, Machine, Output, Slot, Time};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use commands::Plans;

use super::board::Board;
use super::link::{self, LinkEvent, Outbox};
use super::revival::Revival;
use crate::backplane::watch::{Line, Word};
use crate::config::chassis::Chassis;
use crate::flash::Flash;
use crate::mgmt::cli::server::{Job, Reply};
use crate::netlink::{self, View};
use crate::process;
use crate::protocols::lacp::Lacp;
use crate::switch::l3::arp::{Ask, Held};
use crate::switch::l3::feed::Update;
use crate::switch::plane::Plane;
use crate::switch::ports::Report;
use crate::switch::sweeper::{Found, Sweeper};
use crate::task::{Exception, Tasks};
use msm_config::Running;

/// How often stations are looked at that may be over age: much finer than the shortest age of 15 s.
const SWEEP: Duration = Duration::from_secs(5);
/// Events of each kind not yet handled.
pub(super) const EVENTS: usize = 256;

/// Where events come from.
pub(super) struct Sources {
    pub(super) exceptions: mpsc::Receiver<Exception>,
    pub(super) link: mpsc::Receiver<LinkEvent>,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) netlink: mpsc::Receiver<netlink::LinkEvent>,
    pub(super) words: mpsc::Receiver<Word>,
    pub(super) found: mpsc::Receiver<Found>,
    /// What hosts do to what they send has changed.
    pub(super) peers: mpsc::Receiver<()>,
    pub(super) routes: mpsc::Receiver<Update>,
    /// What T-sync is to hear of neighbours.
    pub(super) heard: mpsc::Receiver<Input>,
}

/// What the actor is made of.
pub(super) struct Parts {
    pub(super) chassis: Arc<Chassis>,
    pub(super) identity: Identity,
    pub(super) plane: Plane,
    pub(super) view: View,
    pub(super) tasks: Tasks,
    pub(super) sweeper: Sweeper,
    pub(super) link: mpsc::Sender<LinkEvent>,
    pub(super) backplane: Line,
    /// Who knows the neighbours.
    pub(super) arp: mpsc::Sender<Ask>,
    /// The configuration of this MSM's flash.
    pub(super) own: Arc<Running>,
    /// Failovers before this start.
    pub(super) history: History,
    /// This MSM's flash.
    pub(super) flash: Flash,
}

/// Something that a task of the actor's own found out.
enum Back {
    Hardware(Box<Result<Observer, String>>),
    /// With what this MSM would boot with now.
    FlashStored(Result<Arc<Running>, String>),
    Routes(Box<Result<RoutePlan, String>>),
    Port(Report),
    /// Every port's link has been taken down.
    LinksDown,
    Trapped(TrappedFrame),
}

/// The peer, as far as this process talks to it.
struct Session {
    number: u64,
    outbox: Outbox,
}

/// See the file's first line.
pub(super) struct Actor {
    slot: Slot,
    /// Failovers before this start.
    history: History,
    flash: Flash,
    machine: Machine,
    plane: Plane,
    view: View,
    tasks: Tasks,
    sweeper: Sweeper,
    link: mpsc::Sender<LinkEvent>,
    arp: mpsc::Sender<Ask>,
    /// The master's neighbours.
    held: Held,
    back: mpsc::Sender<Back>,
    returned: mpsc::Receiver<Back>,
    config: Arc<Running>,
    /// The configuration of this MSM's flash.
    own: Arc<Running>,
    plans: Plans,
    lacp: Lacp,
    /// Frames of LACP that wait for the slave to be told.
    frames: Vec<(Lport, Vec<u8>)>,
    session: Option<Session>,
    sessions: u64,
    /// Results of outputs, taken before anything else.
    results: VecDeque<Input>,
    waiting: BTreeMap<u64, Vec<oneshot::Sender<Reply>>>,
    /// Answers that go out once the board shows what they are about: who asks next sees it.
    answered: Vec<(oneshot::Sender<Reply>, Reply)>,
    board: watch::Sender<Arc<Board>>,
    port_faults: BTreeMap<Lport, Vec<String>>,
    faults: Arc<BTreeMap<Lport, Vec<String>>>,
    revival: Revival,
    backplane: Line,
    /// When the backplane last told of fabrics, while another MSM programs them.
    fabrics_at: Option<Instant>,
    sweep_at: Instant,
    retry_at: Option<Instant>,
    /// When routes that wait may go into the tables.
    routes_at: Option<Instant>,
    /// When links go up again that a failover has taken down.
    links_up_at: Option<Instant>,
    /// This ownership, if routing protocols are to begin as after a boot because of it.
    anew: Option<u64>,
    ended: bool,
}

impl Actor {
    /// An actor that has not started, and what it shows.
    pub(super) fn new(parts: Parts) -> (Self, watch::Receiver<Arc<Board>>) {
        let config = Arc::clone(&parts.own);
        let slot = parts.identity.slot;
        let machine = Machine::new(parts.identity);
        let faults = Arc::default();
        let lacp = Lacp::new(Arc::clone(&parts.chassis), parts.view.clone());
        let (board, shown) = watch::channel(Arc::new(Board {
            status: machine.status(),
            config: Arc::clone(&config),
            observer: None,
            faults: Arc::clone(&faults),
            fabric_failed: false,
            anew: None,
            lacp: lacp.shown(),
        }));
        let (back, returned) = mpsc::channel(EVENTS);
        let actor = Self {
            revival: Revival::new(parts.chassis),
            backplane: parts.backplane,
            fabrics_at: None,
            slot,
            history: parts.history,
            flash: parts.flash,
            machine,
            plane: parts.plane,
            view: parts.view,
            tasks: parts.tasks,
            sweeper: parts.sweeper,
            link: parts.link,
            arp: parts.arp,
            held: Held::default(),
            back,
            returned,
            own: Arc::clone(&config),
            config,
            plans: Plans::default(),
            lacp,
            frames: Vec::new(),
            session: None,
            sessions: 0,
            results: VecDeque::new(),
            waiting: BTreeMap::new(),
            answered: Vec::new(),
            board,
            port_faults: BTreeMap::new(),
            faults,
            sweep_at: Instant::now() + SWEEP,
            retry_at: None,
            routes_at: None,
            links_up_at: None,
            anew: None,
            ended: false,
        };
        (actor, shown)
    }

    /// Runs until the machine ends the process.
    pub(super) async fn run(mut self, mut from: Sources) {
        let (poison, pulse) = (self.tasks.poison("main"), self.tasks.pulses().of_a_task());
        let history = self.history;
        let last_owner = self.plane.last_owner();
        self.give(Input::Boot { options: self.own.config.failover, history, last_owner });
        while !self.ended {
            self.due();
            self.show();
            if self.ended {
                break;
            }
            let wake = tokio::time::sleep_until(self.wake_at().into());
            tokio::select! {
                biased;
                () = poison.taken() => poison.works(),
                () = pulse.asked() => pulse.answer(),
                Some(exception) = from.exceptions.recv() => self.exception(exception),
                Some(word) = from.words.recv() => self.word(word),
                Some(event) = from.link.recv() => self.link_event(event),
                Some(back) = self.returned.recv() => self.back(back),
                Some(job) = from.jobs.recv() => self.job(job),
                Some(event) = from.netlink.recv() => self.netlink_event(&event),
                Some(update) = from.routes.recv() => self.routes(update),
                Some(found) = from.found.recv() => self.found(&found),
                Some(word) = from.heard.recv() => self.give(word),
                Some(()) = from.peers.recv() => self.bring_up_to_date(),
                () = wake => {}
            }
        }
        self.show();
    }

    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let machine = self
            .machine
            .deadline()
            .map(|at| now + Duration::from_nanos(at.0.saturating_sub(process::monotonic_ns())));
        let revival = self.revival.due(self.machine.role());
        [machine, revival, self.retry_at, self.routes_at, self.links_up_at, self.lacp_due()]
            .into_iter()
            .flatten()
            .fold(self.sweep_at, Instant::min)
    }

    /// What is due by time.
    fn due(&mut self) {
        self.lacp_released();
        self.lacp_told();
        if self.machine.deadline().is_some_and(|at| at.0 <= process::monotonic_ns()) {
            self.give(Input::Tick);
        }
        self.lacp_tick();
        let now = Instant::now();
        self.revival.revive(self.machine.role(), now);
        if self.sweep_at <= now {
            self.sweep_at = now + SWEEP;
            self.sweep();
        }
        if self.routes_at.is_some_and(|at| at <= now) {
            self.route();
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.bring_up_to_date();
        }
        self.links_up(now);
    }

    /// Steps the machine with `input` and with everything that follows from it at once.
    fn give(&mut self, input: Input) {
        self.results.push_back(input);
        self.drain();
    }

    /// Steps the machine with what has come of its outputs.
    fn drain(&mut self) {
        while let Some(input) = self.results.pop_front() {
            for output in self.machine.step(Time(process::monotonic_ns()), input) {
                self.carry_out(output);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { session, channel, bytes } => {
                let lost = self
                    .session
                    .as_ref()
                    .is_some_and(|live| live.number == session && !live.outbox.send(channel, bytes));
                if lost {
                    self.results.push_back(Input::OutboxOverflow { session });
                }
            }
            Output::Disconnect { session } => {
                self.session.take_if(|live| live.number == session);
            }
            Output::Observe => {
                let (name, meta) = self.plane.observe();
                self.results.push_back(Input::Observed { name, meta });
            }
            Output::Create => {
                let created = self.plane.create();
                self.listen();
                self.results.push_back(Input::Owned(created));
            }
            Output::Commit { from } => {
                let committed = self.plane.commit(from);
                self.listen();
                self.results.push_back(Input::Owned(committed));
            }
            Output::Reopen { name } => {
                let reopened = self.plane.reopen(name);
                self.listen();
                self.results.push_back(Input::Owned(reopened));
            }
            Output::Freeze => self.plane.freeze(true),
            Output::Thaw => {
                self.plane.freeze(false);
                self.bring_up_to_date();
                self.lacp_follow();
            }
            Output::Release => match self.plane.release() {
                Some(name) => self.results.push_back(Input::Released { name }),
                None => self.results.push_back(Input::OwnershipLost),
            },
            Output::Serve { takeover } => self.serve(takeover),
            Output::SetReady { slot, generation, trying } => self.plane.set_ready(slot, generation, trying),
            Output::Apply { id, record, redo } => {
                let result = if redo { self.redo(id, &record) } else { self.apply(id, &record) };
                self.results.push_back(Input::Applied { id, result });
            }
            Output::Answer { id, answer } => self.answer(id, answer),
            Output::TakeSnapshot => {
                self.results.push_back(Input::Snapshot { bytes: self.config.snapshot() });
                self.results.extend(self.lacp.replicas().into_iter().map(|bytes| Input::State { bytes }));
            }
            Output::State { bytes } => self.lacp.hold(bytes),
            Output::Load { bytes } => {
                let loaded = Running::restore(self.own.config.facts(), &bytes)
                    .map(|config| self.config = Arc::new(config));
                self.results.push_back(Input::Loaded(loaded));
            }
            Output::Replay { record } => {
                if let Err(text) = self.replay(&record) {
                    self.results.push_back(Input::ReplayFailed { text });
                }
            }
            Output::StoreFlash { bytes } => self.store_flash(bytes),
            Output::CheckHardware => self.check_hardware(),
            Output::Subscribe { subsystem } => self.ask_for(subsystem, Ask::Subscribe),
            Output::Unsubscribe { subsystem } => self.ask_for(subsystem, Ask::Unsubscribe),
            Output::NextItems { subsystem } => self.ask_for(subsystem, Ask::Next),
            Output::Items { subsystem, bytes, first, .. } => self.hold(subsystem, &bytes, first),
            Output::Delta { subsystem, bytes } => self.hold(subsystem, &bytes, false),
            Output::Suspect { keepalive } => self.backplane.suspect(keepalive),
            Output::DiagnosticsFailed { text } => self.backplane.diagnostics_failed(self.slot, &text),
            Output::ResetSelf { why } => {
                info!(target: "msm.process", "this process ends: {why}");
                self.ended = true;
            }
            Output::Log { level: Level::Info, text } => info!(target: "msm.failover", "{text}"),
            Output::Log { level: Level::Warning, text } => warn!(target: "msm.failover", "{text}"),
            Output::Log { level: Level::Error, text } => error!(target: "msm.failover", "{text}"),
        }
    }

    fn exception(&mut self, Exception { task, critical, message }: Exception) {
        self.give(Input::Exception { task: task.to_owned(), critical, text: message });
        // The session was that task's: nothing can be said to the peer any more, nor heard of it.
        if task == link::TASK
            && let Some(session) = self.session.take()
        {
            self.give(Input::PeerGone { session: session.number });
        }
    }

    fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected(pair) => {
                self.sessions += 1;
                let number = self.sessions;
                info!(target: "msm.tsync", "session {number} with MSM {} (pid {})", self.slot.peer(), pair.pid());
                self.session = Some(Session { number, outbox: pair.start(number, &self.tasks, &self.link) });
                self.give(Input::PeerConnected { session: number });
            }
            LinkEvent::Frame { session, channel, bytes } => {
                if self.session.as_ref().is_some_and(|live| live.number == session) {
                    self.give(Input::Frame { session, channel, bytes });
                }
            }
            LinkEvent::Gone { session } => {
                if self.session.take_if(|live| live.number == session).is_some() {
                    self.give(Input::PeerGone { session });
                }
            }
            LinkEvent::Dead { session } => self.give(Input::PeerDead { session }),
        }
    }

    fn back(&mut self, back: Back) {
        match back {
            Back::Hardware(checked) => {
                let checked = checked.map(|observer| self.plane.observe_with(observer));
                self.give(Input::HardwareChecked(checked));
            }
            Back::Routes(plan) => self.planned(*plan),
            Back::FlashStored(stored) => {
                let stored = stored.map(|own| self.own = own);
                self.give(Input::FlashStored(stored));
            }
            Back::LinksDown => self.links_are_down(),
            Back::Trapped(frame) => self.lacp_frame(&frame),
            Back::Port(Report { lport, failure }) => {
                match failure {
                    Some(failure) => self.port_faults.insert(lport, vec![failure]),
                    None => self.port_faults.remove(&lport),
                };
                // Bring-up may have made attachable what was not.
                self.bring_up_to_date();
            }
        }
    }

    /// Shows front ends what has changed, then answers who waits.
    fn show(&mut self) {
        self.backplane.terms(self.config.config.failover.watchdog, self.machine.role().is_master());
        let mut faults = self.port_faults.clone();
        for (lport, fault) in self.plane.faults() {
            let known = faults.entry(*lport).or_default();
            if !known.contains(fault) {
                known.push(fault.clone());
            }
        }
        if faults != *self.faults {
            self.faults = Arc::new(faults);
        }
        let board = Board {
            status: self.machine.status(),
            config: Arc::clone(&self.config),
            observer: self.plane.observer().cloned(),
            faults: Arc::clone(&self.faults),
            fabric_failed: self.fabric_failed(),
            anew: self.anew,
            lacp: self.lacp.shown(),
        };
        self.board.send_if_modified(|shown| {
            let changed = !shown.same(&board);
            if changed {
                *shown = Arc::new(board);
            }
            changed
        });
        for (waiting, reply) in self.answered.drain(..) {
            // The client may have gone meanwhile.
            let _ = waiting.send(reply);
        }
    }
}
