//! Notifications: a multicast socket and its messages as one stream that only moves when it is read.
//!
//! netlink-proto hands notifications over through an unbounded queue. Polling the connection from the reader itself keeps
//! that queue to what one poll reads; what the reader cannot keep up with stays in the socket's bounded buffer, where the
//! kernel counts the loss and says so (ENOBUFS).

use std::fmt::Debug;
use std::future::poll_fn;
use std::task::Poll;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt};
use rtnetlink::packet_core::{NetlinkDeserializable, NetlinkMessage, NetlinkPayload, NetlinkSerializable};
use rtnetlink::proto::Connection;
use rtnetlink::sys::SocketAddr;

/// One thing the kernel said.
#[derive(Debug)]
pub(super) enum Notification<T> {
    /// A message, and its NLM_F_* flags.
    Message(T, u16),
    /// ENOBUFS: some messages were lost, and more may be. Subscribe anew, then dump.
    Overrun,
}

/// A subscribed socket.
pub(super) struct Notifications<T: Debug + NetlinkSerializable + NetlinkDeserializable> {
    connection: Connection<T>,
    messages: UnboundedReceiver<(NetlinkMessage<T>, SocketAddr)>,
}

impl<T: Debug + NetlinkSerializable + NetlinkDeserializable + Unpin> Notifications<T> {
    /// Takes a connection whose socket is subscribed already.
    pub(super) fn new(
        connection: Connection<T>,
        messages: UnboundedReceiver<(NetlinkMessage<T>, SocketAddr)>,
    ) -> Self {
        Self { connection, messages }
    }

    /// The socket.
    #[cfg(test)]
    pub(super) fn socket(&mut self) -> &mut rtnetlink::sys::Socket {
        use rtnetlink::sys::AsyncSocket;
        self.connection.socket_mut().socket_mut()
    }

    /// The next one; `None` when the socket has failed. Cancel safe: nothing is taken before it is returned.
    pub(super) async fn next(&mut self) -> Option<Notification<T>> {
        loop {
            let message = poll_fn(|cx| {
                if let Poll::Ready(message) = self.messages.poll_next_unpin(cx) {
                    return Poll::Ready(message);
                }
                let ended = self.connection.poll_unpin(cx).is_ready();
                match self.messages.poll_next_unpin(cx) {
                    Poll::Pending if ended => Poll::Ready(None),
                    other => other,
                }
            });
            let (message, source) = message.await?;
            // Only the kernel (port 0) is believed: a process may send to a netlink socket as well.
            if source.port_number() != 0 {
                continue;
            }
            match message.payload {
                NetlinkPayload::InnerMessage(inner) => {
                    return Some(Notification::Message(inner, message.header.flags));
                }
                NetlinkPayload::Overrun(_) => return Some(Notification::Overrun),
                _ => {}
            }
        }
    }
}
