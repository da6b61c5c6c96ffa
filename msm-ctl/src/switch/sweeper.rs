//! Looks for stations that are due to go, on a thread of its own and with descriptors that cannot write.
//!
//! The FDB is read whole, which takes 20 ms for 60,000 stations: nobody waits for it. What is found goes to the owner in
//! pieces, who asks again before it removes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};

use msm_abi::{FdbEntry, FdbKey, Lport, stamp};
use msm_dataplane::plane::learning::{Drift, Stations, Words, drifts};
use msm_dataplane::{Observer, TableError};

use crate::process;
use crate::task::Tasks;

/// Stations of one piece: some 2 ms of removals, which is what a command may have to wait.
const PIECE: usize = 512;
/// Pieces on their way to the owner: the thread waits when it does not keep up.
const PIECES: usize = 8;

/// One look at the FDB.
pub(crate) struct Search {
    /// The tables.
    pub(crate) observer: Arc<Observer>,
    /// Static stations that are configured; other static ones are left over from an earlier owner.
    pub(crate) configured: BTreeSet<FdbKey>,
    /// Ports that may learn so many stations only: theirs are counted.
    pub(crate) limited: BTreeSet<Lport>,
    /// Which ownership asked: what is found is for no other.
    pub(crate) epoch: u64,
}

/// Stations that were due when they were read, and ports whose number of stations is not what the tables say.
pub(crate) struct Found {
    /// Of the search.
    pub(crate) epoch: u64,
    /// At most [`PIECE`].
    pub(crate) keys: Vec<FdbKey>,
    /// Of the limited ports.
    pub(crate) drifts: Vec<Drift>,
}

/// The thread's two ends.
pub(crate) struct Sweeper {
    searches: Sender<Search>,
}

impl Sweeper {
    /// Starts the thread. It ends with this handle or with the receiver.
    pub(crate) fn start(tasks: &Tasks) -> std::io::Result<(Self, tokio::sync::mpsc::Receiver<Found>)> {
        let (searches, receiver) = bounded::<Search>(1);
        let (sender, found) = tokio::sync::mpsc::channel(PIECES);
        tasks.thread("fdb-sweep", false, move || run(&receiver, &sender))?;
        Ok((Self { searches }, found))
    }

    /// Begins a search, unless one is still under way.
    pub(crate) fn search(&self, search: Search) {
        let _ = self.searches.try_send(search);
    }
}

fn run(searches: &Receiver<Search>, found: &tokio::sync::mpsc::Sender<Found>) {
    while let Ok(Search { observer, configured, limited, epoch }) = searches.recv() {
        let _patience = process::Patience::begin();
        let age = match observer.plane_config() {
            Ok(config) => config.fdb_age,
            Err(error) => {
                tracing::warn!("FDB ageing: {error}");
                continue;
            }
        };
        let now = stamp(process::monotonic_ns());
        let mut due = Vec::new();
        let mut stations = Stations::default();
        let before = words(&observer, &limited);
        let read = observer.fdb(&mut |key, entry| {
            stations.count(entry);
            let left_over = entry.flags() & FdbEntry::STATIC != 0 && !configured.contains(&key);
            if left_over || entry.expired(now, age) {
                due.push(key);
            }
        });
        if let Err(error) = read {
            tracing::warn!("FDB ageing: {error}");
        }
        let wrong = match (before, words(&observer, &limited)) {
            (Ok(before), Ok(after)) => drifts(&before, &after, &stations),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!("stations of the ports: {error}");
                Vec::new()
            }
        };
        let drifts: Vec<Drift> = wrong.into_iter().filter(|drift| limited.contains(&drift.lport)).collect();
        if !drifts.is_empty() && found.blocking_send(Found { epoch, keys: Vec::new(), drifts }).is_err() {
            return;
        }
        for keys in due.chunks(PIECE) {
            let keys = keys.to_vec();
            if found.blocking_send(Found { epoch, keys, drifts: Vec::new() }).is_err() {
                return;
            }
        }
    }
}

/// What the tables say of the ports' stations; nobody asks without a limited port.
fn words(observer: &Observer, limited: &BTreeSet<Lport>) -> Result<Words, TableError> {
    if limited.is_empty() { Ok(Words::default()) } else { observer.learning_words() }
}
