//! Dumps: every object of one kind, complete, or an error.

use futures::StreamExt;
use netlink_packet_route::RouteNetlinkMessage;
use rtnetlink::Handle;
use rtnetlink::packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};

use super::NetlinkError;

/// NLM_F_DUMP_INTR (linux/netlink.h): the table changed in a way that may have hidden an object from the dump.
const DUMP_INTR: u16 = 0x10;
/// Interrupted dumps in a row before the caller is told; each takes milliseconds.
const ATTEMPTS: usize = 8;

/// A socket for requests. Its connection ends when the handle is dropped.
pub(super) fn requests() -> Result<Handle, NetlinkError> {
    let (mut connection, handle, _) = rtnetlink::new_connection()
        .map_err(|source| NetlinkError::Socket { what: "route requests", source })?;
    // Without it a dump cut short by a dead socket looks complete.
    connection.set_forward_done(true);
    tokio::spawn(connection);
    Ok(handle)
}

/// Dumps what `request` asks for into `each`; `each(None)` starts the dump over.
pub(super) async fn dump(
    handle: &Handle,
    what: &str,
    request: RouteNetlinkMessage,
    mut each: impl FnMut(Option<RouteNetlinkMessage>),
) -> Result<(), NetlinkError> {
    for _ in 0..ATTEMPTS {
        each(None);
        if once(handle, what, request.clone(), &mut each).await? {
            return Ok(());
        }
    }
    Err(NetlinkError::NoAnswer { what: format!("a dump of {what} (it changes too fast)") })
}

/// One dump; false when it was interrupted.
async fn once(
    handle: &Handle,
    what: &str,
    request: RouteNetlinkMessage,
    each: &mut impl FnMut(Option<RouteNetlinkMessage>),
) -> Result<bool, NetlinkError> {
    let silent = || NetlinkError::NoAnswer { what: format!("a dump of {what}") };
    let mut request = NetlinkMessage::from(request);
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut answers = handle.clone().request(request).map_err(|_| silent())?;
    let mut consistent = true;
    while let Some(answer) = answers.next().await {
        consistent &= answer.header.flags & DUMP_INTR == 0;
        match answer.payload {
            NetlinkPayload::InnerMessage(message) => each(Some(message)),
            NetlinkPayload::Done(_) => return Ok(consistent),
            NetlinkPayload::Error(error) => {
                return Err(NetlinkError::Refused {
                    what: format!("a dump of {what}"),
                    source: error.to_io(),
                });
            }
            _ => {}
        }
    }
    Err(silent())
}
