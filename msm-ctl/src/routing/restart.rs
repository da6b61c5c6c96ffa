//! An ospfd that comes back after its death, and what of its graceful restart (RFC 3623) FRR 8.4 does not do by itself.
//!
//! ospfd ends its restart when it is Full with all it was Full with. Twice that is too early (ospfd/ospf_gr.c, ospf_gr_restart_exit):
//!
//! - While an interface still waits to learn its designated router (RFC 2328 9.1; the dead interval long, if there is no backup), the
//!   router-LSA made then has a stub instead of a link, and by it neither ospfd nor its neighbours know a way through this router.
//! - While a neighbour is still exchanging databases, and is told at once that it need not help any more, it finds that it is not Full
//!   with this router, and says so to everybody.
//!
//! So ospfd is told no link states ([`ears`]) before no interface waits; by then its neighbours, whom its empty database can tell nothing,
//! have long been Full. And the neighbours are told by us that it is over, under names that ospfd does not know ([`super::lsa`]).
//!
//! With its restart ospfd ends what zebra was asked to do if it dies (ospfd/ospf_ase.c, ospf_zebra_gr_disable): zebra has to be asked again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};

use super::orders::Orders;
use super::place::Place;
use super::{Daemon, Vty, ears, grace, hold};
use crate::process::{self, Process};

/// How often it is looked how far ospfd is.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is looked whether it has a socket.
const SOCKET_LOOK: Duration = Duration::from_millis(1);
/// It has one by then, on however loaded a machine.
const SOCKET: Duration = Duration::from_secs(10);
/// An LSA that comes sooner after the one before it is not looked at (RFC 2328 appendix B, MinLSArrival: 1 s).
const MIN_ARRIVAL: Duration = Duration::from_secs(2);
/// zebra is told some hundred ms after the restart has ended.
const TAKEN_BACK: Duration = Duration::from_secs(30);

/// Keeps link states from an ospfd that has just been started, before it can have heard any: zebra, without whom it knows no interface, is
/// stopped meanwhile.
pub(super) async fn deafen(ospfd: &Process, zebra: &Arc<Process>) {
    let _stopped = Stopped::stop(zebra);
    let deadline = Instant::now() + SOCKET;
    let result = loop {
        match ears::deafen(ospfd) {
            Ok(false) if Instant::now() < deadline => sleep(SOCKET_LOOK).await,
            Ok(false) => break Err(std::io::ErrorKind::TimedOut.into()),
            Ok(true) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = result {
        warn!("ospfd hears link states from its start: {error}; routes of OSPF may go for some seconds");
    }
}

/// zebra, while it does nothing.
struct Stopped(Arc<Process>);

impl Stopped {
    fn stop(zebra: &Arc<Process>) -> Self {
        let _ = rustix::process::pidfd_send_signal(zebra.as_ref(), rustix::process::Signal::STOP);
        Self(Arc::clone(zebra))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        go_on(&self.0);
    }
}

/// Has zebra go on, if it was stopped.
pub(super) fn go_on(zebra: &Process) {
    let _ = rustix::process::pidfd_send_signal(zebra, rustix::process::Signal::CONT);
}

/// Keeps nothing from an ospfd.
pub(super) fn let_hear(ospfd: &Process) {
    if let Err(error) = ears::hear(ospfd) {
        warn!("ospfd does not hear link states: {error}");
    }
}

/// Follows a restart to its end: then zebra has to be told again to keep ospfd's routes. Without `orders.ospf` there is none.
pub(super) async fn follow(place: Place, orders: Orders, ospfd: Arc<Process>) {
    let begun = Instant::now();
    // By then ospfd has ended it in whatever state it is.
    let deadline = begun + Duration::from_secs(orders.hold_s.into());
    let links: Vec<String> =
        orders.ospf.iter().flat_map(|speaker| &speaker.links).map(|link| link.netdev.clone()).collect();
    let vty = place.vty(Daemon::Ospfd);
    let settled = until(deadline, || {
        let (vty, links) = (vty.clone(), links.clone());
        async move {
            let said = ask(vty, "show ip ospf interface json").await;
            said.is_some_and(|said| links.iter().all(|link| is_settled(&said, link)))
        }
    });
    if !settled.await {
        warn!("ospfd: interfaces still wait for a designated router after {} s", orders.hold_s);
    }
    // Its own record is read and emptied by now; this one it empties at the end.
    if let Err(error) = grace::record_restart(&place, &serde_json::json!({ "instances": { "default": {} } }))
    {
        warn!("{}: {error}; neighbours are not told when ospfd is back", place.restarted().display());
    }
    let_hear(&ospfd);
    info!("ospfd hears link states, {} ms after its start", begun.elapsed().as_millis());
    // As its own clock has whole seconds.
    let ended = until(deadline + MIN_ARRIVAL, || std::future::ready(!grace::is_recorded(&place))).await;
    sleep_until(begun + MIN_ARRIVAL).await;
    info!(
        "ospfd {} its restart after {} ms",
        if ended { "ended" } else { "has not ended" },
        begun.elapsed().as_millis()
    );
    grace::end(&orders);
    let zebra = place.vty(Daemon::Zebra);
    let taken_back = || {
        let said = ask(zebra.clone(), hold::QUESTION);
        async { said.await.is_some_and(|said| !hold::is_told(&said, Daemon::Ospfd)) }
    };
    until(Instant::now() + TAKEN_BACK, taken_back).await;
}

/// Whether it came true before the deadline.
async fn until<F: Future<Output = bool>>(deadline: Instant, is: impl Fn() -> F) -> bool {
    let look = async {
        while !is().await {
            sleep(LOOK).await;
        }
    };
    timeout_at(deadline, look).await.is_ok()
}

async fn ask(vty: PathBuf, question: &'static str) -> Option<String> {
    let asked = tokio::task::spawn_blocking(move || {
        process::patiently(|| Vty::connect(&vty).and_then(|mut vty| vty.command(question)).ok())
    });
    asked.await.ok().flatten()
}

/// Whether ospfd knows what it is on the link: it is down, or does not wait for a designated router to show itself.
fn is_settled(said: &str, link: &str) -> bool {
    let said: serde_json::Value = serde_json::from_str(said).unwrap_or_default();
    let about = &said["interfaces"][link];
    about.get("ifDown").is_some()
        || about["state"].as_str().is_some_and(|state| !["Waiting", "Down"].contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_waits_is_not_settled() {
        let said = r#"{"interfaces":{"v1":{"ifUp":true,"state":"Waiting"},"v2":{"ifUp":true,"state":"DR"},"v3":{"ifDown":false}}}"#;
        assert_eq!(["v1", "v2", "v3", "v4"].map(|link| is_settled(said, link)), [false, true, true, false]);
        assert!(!is_settled("", "v1"));
    }
}
