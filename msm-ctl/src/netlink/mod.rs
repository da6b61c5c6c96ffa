//! Netlink: the live view of the switch's namespace, port bring-up, and the administrative state of a link.
//!
//! Everything here happens in the network namespace of the calling thread, which is the process's own: nothing calls setns but the thread of
//! [`watch_peers`].

mod address;
mod bring_up;
mod dump;
mod events;
mod features;
mod genl;
mod l3;
mod link;
mod links;
mod neighbour;
mod next_hops;
mod notifications;
mod offload;
mod pair;
mod peers;
mod poll;
mod port;
mod static_route;
mod view;

use std::io;

use tokio::sync::mpsc;

use events::Events;
use l3::L3;
use links::Links;

#[cfg(test)]
pub(crate) use l3::L3 as Following;

pub(crate) use address::{Addresses, set_ipv4};
pub(crate) use bring_up::{bring_up, set_admin};
pub(crate) use neighbour::{Keep, forget, handle, keep, nud};
pub(crate) use pair::{End, Found, Pairs, look};
pub(crate) use peers::watch as watch_peers;
pub(crate) use port::{Fault, Limits, Severity, faults};
pub(crate) use static_route::{Doing, Placed, place};
pub(crate) use view::{MAX_NEIGHBOURS, Neighbour, Netdev, NextHop, OURS, Route, RouteKey, View};

/// What happened to the links since the last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// A netdev appeared, or moved into this namespace.
    Added(Netdev),
    /// A netdev went away.
    Removed {
        /// Its last name.
        name: String,
        /// Its index.
        ifindex: u32,
    },
    /// Any field of a netdev changed: carrier, name, MTU, XDP features, ... Judge its faults again.
    Changed {
        /// As it was.
        before: Netdev,
        /// As it is.
        after: Netdev,
    },
    /// Notifications or events were lost and the view is right again: read the view instead of trusting earlier events. A netdev
    /// that went and came back meanwhile with its old index and name shows no difference: look whether its link is still attached.
    Resynced,
}

/// Why the kernel could not be asked or told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetlinkError {
    /// No socket.
    #[error(
        "cannot open a netlink socket for {what}: {source}; does the kernel have CONFIG_NET and the process CAP_NET_ADMIN?"
    )]
    Socket {
        /// What it was for.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel said no.
    #[error("the kernel refused {what}: {source}")]
    Refused {
        /// What was asked, of which netdev.
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel said nothing, or something else.
    #[error("no usable answer from the kernel to {what}; look for earlier lines about netlink in the log")]
    NoAnswer {
        /// What was asked, of which netdev.
        what: String,
    },
    /// A generic netlink family is missing.
    #[error("the kernel has no generic netlink family {family}; it is in Linux 6.3 and later")]
    NoFamily {
        /// Its name.
        family: &'static str,
    },
}

/// What bring-up found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortReport {
    /// The netdev, after what was mended.
    pub(crate) netdev: Netdev,
    /// What is still wrong, none of it [`Severity::Refused`].
    pub(crate) faults: Vec<Fault>,
    /// What was wrong and has been mended.
    pub(crate) mended: Vec<Fault>,
}

/// Why a netdev was not brought up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BringUpError {
    /// Nothing was changed.
    #[error("{0}")]
    Refused(Fault),
    /// Asking or mending failed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// Starts the view: subscribes, reads everything once, returns, and keeps reading. Links that are there already are in the
/// view and make no event.
///
/// The view is live as long as the receiver lives. Call it inside the runtime.
///
/// # Errors
/// No socket, no family `netdev` (Linux before 6.3), or no answer.
pub(crate) async fn spawn() -> Result<(View, mpsc::Receiver<LinkEvent>), NetlinkError> {
    let view = View::default();
    let (events, reader) = Events::new();
    let end = events.end();
    let links = Links::start(view.clone(), events).await?;
    let l3 = L3::start(view.clone()).await?;
    tokio::spawn(links.run());
    tokio::spawn(l3.run(end));
    Ok((view, reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_view_is_whole_when_spawn_returns() {
        let (view, _events) = spawn().await.unwrap();
        assert_eq!(view.get("lo").unwrap().ifindex, 1);
        assert_eq!(view.by_index(1).unwrap().name, "lo");
    }

    #[tokio::test]
    async fn what_cannot_be_a_port_is_named() {
        let refused = |result: Result<PortReport, BringUpError>| match result {
            Err(BringUpError::Refused(fault)) => fault,
            other => panic!("{other:?}"),
        };
        let name = "msm-no-such".to_owned();
        assert_eq!(refused(bring_up(&name, &Limits::default()).await), Fault::Missing { name });
        let fault = refused(bring_up("lo", &Limits::default()).await);
        assert!(matches!(fault, Fault::NotEthernet { .. }), "{fault}");
    }

    #[tokio::test]
    async fn setting_a_link_that_is_gone_says_so() {
        let error = set_admin(0x7fff_ffff, true).await.unwrap_err();
        assert!(error.to_string().contains("setting ifindex 2147483647 up"), "{error}");
    }
}
