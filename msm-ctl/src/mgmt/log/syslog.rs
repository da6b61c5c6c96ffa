//! Syslog: lines to hosts by UDP (RFC 5426), from a bounded queue, by a task of its own.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use msm_config::model::Facility;
use msm_proto::Slot;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::entry::Entry;
use super::severity::{Severity, Threshold, Words};
use super::time::rfc3339;

/// Hosts at once.
pub(crate) const HOSTS: usize = 8;
/// Lines that wait: what a failover makes everybody say.
const QUEUE: usize = 1024;
/// Longest wait for a socket that takes no more: UDP promises nothing.
const STUCK: Duration = Duration::from_millis(100);
/// Longest datagram that receivers should take (RFC 5424, 6.1).
const DATAGRAM: usize = 2048;
/// Shortest time between two lines that tell of lost ones.
const TELL: Duration = Duration::from_secs(60);
/// Lines about syslog itself are not sent by it: they would beget each other.
const SELF: &str = "Msm.Syslog";
/// Private enterprise number for documentation (RFC 5612): this product has none.
const ENTERPRISE: u32 = 32_473;

/// Who gets lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyslogHost {
    /// Its address; names are resolved elsewhere.
    pub(crate) address: SocketAddr,
    /// What it files them under.
    pub(crate) facility: Facility,
    /// The least severe line that it gets.
    pub(crate) severity: Severity,
}

/// What the task goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Settings {
    hosts: Vec<SyslogHost>,
    sys_name: String,
    role: String,
}

/// Where lines go in.
pub(super) struct Door {
    slot: Option<Slot>,
    /// The least severe line that a host gets.
    threshold: Threshold,
    queue: mpsc::Sender<Arc<Entry>>,
    waiting: Mutex<Option<mpsc::Receiver<Arc<Entry>>>>,
    settings: watch::Sender<Settings>,
    /// Lines that found the queue full.
    lost: Arc<AtomicU64>,
}

impl Door {
    pub(super) fn new(slot: Option<Slot>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            slot,
            threshold: Threshold::new(None),
            queue,
            waiting: Mutex::new(Some(waiting)),
            settings: watch::channel(Settings::default()).0,
            lost: Arc::default(),
        }
    }

    pub(super) fn set_hosts(&self, mut hosts: Vec<SyslogHost>) {
        hosts.truncate(HOSTS);
        self.threshold.set(hosts.iter().map(|host| host.severity).max());
        self.settings.send_modify(|settings| settings.hosts = hosts);
    }

    pub(super) fn set_name(&self, sys_name: &str, role: &str) {
        self.settings.send_if_modified(|settings| {
            let changed = settings.sys_name != sys_name || settings.role != role;
            if changed {
                (settings.sys_name, settings.role) = (sys_name.to_owned(), role.to_owned());
            }
            changed
        });
    }

    pub(super) fn wants(&self, severity: Severity) -> bool {
        self.threshold.lets(severity)
    }

    pub(super) fn take(&self, entry: &Arc<Entry>) {
        if self.wants(entry.severity)
            && entry.component != SELF
            && let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(Arc::clone(entry))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The task.
    pub(super) fn sender(&self) -> impl Future<Output = ()> + Send + use<> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = waiting.map(|queue| Sender {
            queue,
            settings: self.settings.subscribe(),
            sockets: Sockets::default(),
            losses: Losses { full: Arc::clone(&self.lost), known: 0, told: None },
            unreachable: BTreeSet::new(),
            slot: self.slot.map_or_else(|| "-".to_owned(), |slot| slot.to_string()),
        });
        async move {
            if let Some(task) = task {
                task.run().await;
            }
        }
    }
}

struct Sender {
    queue: mpsc::Receiver<Arc<Entry>>,
    settings: watch::Receiver<Settings>,
    sockets: Sockets,
    losses: Losses,
    /// Hosts that the last line did not go out to.
    unreachable: BTreeSet<SocketAddr>,
    slot: String,
}

impl Sender {
    async fn run(mut self) {
        let mut settings = self.settings.borrow_and_update().clone();
        while let Some(entry) = self.queue.recv().await {
            if self.settings.has_changed().unwrap_or(false) {
                settings = self.settings.borrow_and_update().clone();
                self.unreachable.retain(|address| settings.hosts.iter().any(|host| host.address == *address));
            }
            for host in settings.hosts.iter().filter(|host| entry.severity <= host.severity) {
                let datagram = datagram(&entry, host.facility, &settings, &self.slot);
                let sent = self.sockets.send(&datagram, host.address).await;
                self.tell_of_host(host.address, sent);
            }
            self.losses.tell();
        }
    }

    /// Says that a host cannot be reached when that begins, and when it ends.
    fn tell_of_host(&mut self, address: SocketAddr, sent: io::Result<()>) {
        match sent {
            Ok(()) => {
                if self.unreachable.remove(&address) {
                    info!(target: "msm.syslog", "syslog host {address} gets lines again");
                }
            }
            Err(error) => {
                if self.unreachable.insert(address) {
                    warn!(target: "msm.syslog", "syslog host {address} gets no lines: {error}; they are lost until it does");
                }
            }
        }
    }
}

/// Counts lines that found the queue full, and tells of them: at once, then at most once in [`TELL`].
struct Losses {
    full: Arc<AtomicU64>,
    known: u64,
    told: Option<Instant>,
}

impl Losses {
    fn tell(&mut self) {
        let lost = self.full.load(Ordering::Relaxed);
        if lost > self.known && self.told.is_none_or(|at| at.elapsed() >= TELL) {
            let more = lost - self.known;
            warn!(target: "msm.syslog", "{more} lines were not sent to syslog hosts: they came faster than they go out");
            self.known = lost;
            self.told = Some(Instant::now());
        }
    }
}

/// One socket a family, made when it is needed.
#[derive(Default)]
struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    async fn send(&mut self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let (place, any) = match to {
            SocketAddr::V4(_) => (&mut self.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&mut self.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        let socket = match place {
            Some(socket) => socket,
            None => place.insert(UdpSocket::bind(any).await?),
        };
        tokio::time::timeout(STUCK, socket.send_to(datagram, to))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(())
    }
}

/// A line as RFC 5424, section 6 has it.
/// Numerical code of RFC 5424, table 1.
fn facility_code(Facility(local): Facility) -> u8 {
    16 + local.min(7)
}

fn datagram(entry: &Entry, facility: Facility, settings: &Settings, slot: &str) -> Vec<u8> {
    let mut text = format!(
        "<{}>1 {} {} msm-ctl {} {} [msm@{ENTERPRISE} slot=\"{}\" role=\"{}\"] ",
        facility_code(facility) * 8 + entry.severity.code(),
        rfc3339(entry.at()),
        header(&settings.sys_name, 255),
        std::process::id(),
        header(&entry.component, 32),
        parameter(slot),
        parameter(&settings.role),
    );
    if !entry.message.is_ascii() {
        // MSG-UTF8 begins with a byte order mark; what is ASCII goes as MSG-ANY, which everybody reads.
        text.push('\u{feff}');
    }
    text.push_str(&entry.message);
    text.truncate(text.floor_char_boundary(DATAGRAM));
    text.into_bytes()
}

/// A field of the header: printable US-ASCII without spaces, `-` for none.
fn header(text: &str, most: usize) -> String {
    let field: String = text.chars().take(most).map(|c| if c.is_ascii_graphic() { c } else { '-' }).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

/// A value of structured data (section 6.3.3).
fn parameter(text: &str) -> String {
    let mut value = String::new();
    for c in text.chars().take(64) {
        if matches!(c, '"' | '\\' | ']') {
            value.push('\\');
        }
        value.push(c);
    }
    value
}

#[cfg(test)]
#[path = "syslog_tests.rs"]
mod tests;
