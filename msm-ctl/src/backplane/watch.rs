//! An MSM's side of the backplane: says who it is, hears of the backplane's death, passes requests on.

use std::time::Duration;

use prost::Message;
use tokio::sync::mpsc;
use tokio_seqpacket::UnixSeqpacket;
use tracing::{info, warn};

use msm_proto::Slot;

use super::messages::{FromMsm, Hello, Reset, from_msm::Body};
use crate::config::chassis::Chassis;
use crate::process::Process;

/// How often a missing backplane is looked for: its socket is there some 10 ms after it was started.
const RETRY: Duration = Duration::from_millis(20);

/// Presence of the backplane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Connected.
    Here,
    /// Dead, or never there.
    Gone,
}

/// Keeps a connection to the backplane for as long as `events` is read. The first event tells how it is at the start.
pub(crate) async fn watch(chassis: Chassis, slot: Slot, events: mpsc::Sender<Presence>) {
    let mut here = None;
    loop {
        match meet(&chassis, slot).await {
            Ok((socket, process)) => {
                info!("backplane is pid {}", process.pid());
                here = Some(true);
                if events.send(Presence::Here).await.is_err() {
                    return;
                }
                until_gone(&socket, &process).await;
                warn!("backplane (pid {}) is gone", process.pid());
            }
            Err(_) if here == Some(false) => {}
            Err(error) => warn!("no backplane: {error}"),
        }
        if here.replace(false) != Some(false) && events.send(Presence::Gone).await.is_err() {
            return;
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn meet(chassis: &Chassis, slot: Slot) -> std::io::Result<(UnixSeqpacket, Process)> {
    let socket = UnixSeqpacket::connect(chassis.backplane_socket()).await?;
    let process = Process::peer(&socket.as_async_fd())?;
    let hello = FromMsm {
        body: Some(Body::Hello(Hello {
            slot: slot.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })),
    };
    socket.send(&hello.encode_to_vec()).await?;
    Ok((socket, process))
}

/// Has the backplane take power from `slots`, in this order, and give it again.
///
/// # Errors
/// There is no backplane.
pub(crate) async fn reset(chassis: &Chassis, slot: Slot, slots: &[Slot]) -> std::io::Result<()> {
    let (socket, _) = meet(chassis, slot).await?;
    for slot in slots {
        let reset = FromMsm { body: Some(Body::Reset(Reset { slot: slot.to_string() })) };
        socket.send(&reset.encode_to_vec()).await?;
    }
    Ok(())
}

/// The pidfd tells a death, the end of file that it no longer listens to us.
async fn until_gone(socket: &UnixSeqpacket, process: &Process) {
    let mut buffer = [0; 16];
    let closed = async {
        // The backplane says nothing; whatever comes but an end of file is passed over.
        while socket.recv(&mut buffer).await.is_ok_and(|info| info.bytes_read() > 0) {}
    };
    tokio::select! {
        _ = process.dead() => {}
        () = closed => {}
    }
}
