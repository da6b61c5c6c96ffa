//! Netlink: the live view of the switch's namespace, port bring-up, and the administrative state of a link.
//!
//! Everything here happens in the network namespace of the calling thread, which is the process's own: nothing calls setns.

mod port;
mod view;

use std::io;

use tokio::sync::mpsc;

pub(crate) use port::{Fault, Limits, MAX_MTU, Severity};
pub(crate) use view::{Neighbour, Netdev, NextHop, Route, RouteKey, View};

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
    /// Notifications or events were lost and the view is right again: read the view instead of trusting earlier events.
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
    Err(NetlinkError::NoAnswer { what: "the first dump".to_owned() })
}

/// Readies a netdev to be a port: refuses what cannot work, mends what can be mended, names the rest.
///
/// Writes nothing to a netdev that needs nothing, so adopting a running port costs reads only.
///
/// # Errors
/// [`BringUpError::Refused`] with the worst fault, before anything was changed.
pub(crate) async fn bring_up(name: &str, limits: &Limits) -> Result<PortReport, BringUpError> {
    let _ = limits;
    Err(BringUpError::Refused(Fault::Missing { name: name.to_owned() }))
}

/// Sets a link administratively up or down.
///
/// # Errors
/// The kernel's answer (ENODEV when it is gone).
pub(crate) async fn set_admin(ifindex: u32, up: bool) -> Result<(), NetlinkError> {
    let _ = up;
    Err(NetlinkError::NoAnswer { what: format!("setting ifindex {ifindex}") })
}
