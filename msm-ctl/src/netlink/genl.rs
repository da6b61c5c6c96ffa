//! Generic netlink: families by name, requests of attributes, multicast groups.

use std::collections::HashMap;
use std::convert::Infallible;

use futures::StreamExt;
use rtnetlink::packet_core::{
    DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, Nla, NlasIterator, Parseable,
};
use rtnetlink::proto::{ConnectionHandle, new_connection};
use rtnetlink::sys::protocols::NETLINK_GENERIC;
use rtnetlink::sys::{AsyncSocket, SocketAddr};

use super::NetlinkError;
use super::notifications::Notifications;

/// GENL_ID_CTRL (linux/genetlink.h): the family that knows the others.
const CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_ATTR_MCAST_GROUPS: u16 = 7;
const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;
/// struct genlmsghdr: command, version, two reserved bytes.
const HEADER: usize = 4;

/// One message of any family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Family id: the netlink message type.
    pub(super) family: u16,
    /// Command of that family.
    pub(super) command: u8,
    /// Its attributes, undecoded. A malformed tail is left out.
    pub(super) attributes: Vec<DefaultNla>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        HEADER + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..HEADER].copy_from_slice(&[self.command, 1, 0, 0]);
        self.attributes.as_slice().emit(&mut buffer[HEADER..]);
    }
}

impl NetlinkDeserializable for Message {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Infallible> {
        Ok(Self {
            family: header.message_type,
            command: payload.first().copied().unwrap_or(0),
            attributes: attributes(payload.get(HEADER..).unwrap_or(&[])),
        })
    }
}

impl Message {
    /// The value of the first attribute of this kind.
    pub(super) fn value(&self, kind: u16) -> Option<Vec<u8>> {
        value(&self.attributes, kind)
    }

    /// An attribute of 4 bytes.
    pub(super) fn u32(&self, kind: u16) -> Option<u32> {
        self.value(kind)?.try_into().ok().map(u32::from_ne_bytes)
    }

    /// An attribute of 8 bytes, or of 4: the kernel shortens a `uint` that fits.
    pub(super) fn uint(&self, kind: u16) -> Option<u64> {
        let value = self.value(kind)?;
        match value.len() {
            4 => value.try_into().ok().map(u32::from_ne_bytes).map(u64::from),
            _ => value.try_into().ok().map(u64::from_ne_bytes),
        }
    }
}

/// Attributes of a nest or a payload, up to the first malformed one.
pub(super) fn attributes(bytes: &[u8]) -> Vec<DefaultNla> {
    NlasIterator::new(bytes).map_while(|nla| DefaultNla::parse(&nla.ok()?).ok()).collect()
}

/// The value of the first attribute of this kind.
pub(super) fn value(attributes: &[DefaultNla], kind: u16) -> Option<Vec<u8>> {
    let nla = attributes.iter().find(|nla| nla.kind() & !NLA_F_NESTED == kind)?;
    let mut value = vec![0; nla.value_len()];
    nla.emit_value(&mut value);
    Some(value)
}

/// An attribute holding attributes.
pub(super) fn nest(kind: u16, inner: &[DefaultNla]) -> DefaultNla {
    let mut bytes = vec![0; inner.buffer_len()];
    inner.emit(&mut bytes);
    DefaultNla::new(kind | NLA_F_NESTED, bytes)
}

/// A zero-terminated string.
pub(super) fn string(kind: u16, text: &str) -> DefaultNla {
    DefaultNla::new(kind, [text.as_bytes(), &[0]].concat())
}

/// A u32 in host order.
pub(super) fn u32(kind: u16, number: u32) -> DefaultNla {
    DefaultNla::new(kind, number.to_ne_bytes().to_vec())
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// About every object.
    Dump,
    /// About the object asked for.
    One,
}

/// One family over one socket.
pub(super) struct Family {
    handle: ConnectionHandle<Message>,
    name: &'static str,
    id: u16,
    groups: HashMap<String, u32>,
}

impl Family {
    /// Opens a socket and looks the family up.
    pub(super) async fn open(name: &'static str) -> Result<Self, NetlinkError> {
        let (mut connection, handle, _) = new_connection(NETLINK_GENERIC)
            .map_err(|source| NetlinkError::Socket { what: "generic netlink", source })?;
        // The end of an answer must be seen: one cut short by a dead socket would look complete.
        connection.set_forward_done(true);
        connection.set_forward_ack(true);
        tokio::spawn(connection);
        let controller = Self { handle, name: "nlctrl", id: CTRL, groups: HashMap::new() };
        let wanted = vec![string(CTRL_ATTR_FAMILY_NAME, name)];
        let answers = controller.request(CTRL_CMD_GETFAMILY, wanted, Answer::One).await;
        let described = answers.ok().and_then(|answers| answers.into_iter().next());
        let (id, groups) =
            described.as_ref().and_then(describe).ok_or(NetlinkError::NoFamily { family: name })?;
        Ok(Self { handle: controller.handle, name, id, groups })
    }

    /// Sends one request and collects the answer.
    pub(super) async fn request(
        &self,
        command: u8,
        attributes: Vec<DefaultNla>,
        answer: Answer,
    ) -> Result<Vec<Message>, NetlinkError> {
        let what = || format!("command {command} of generic netlink family {}", self.name);
        let message = Message { family: self.id, command, attributes };
        let mut request =
            NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::InnerMessage(message));
        // NLM_F_ACK on a dump too: generic netlink does not mark its parts NLM_F_MULTI, and netlink-proto would take the first
        // part for the whole answer.
        request.header.flags = NLM_F_REQUEST
            | NLM_F_ACK
            | match answer {
                Answer::Dump => NLM_F_DUMP,
                Answer::One => 0,
            };
        let mut stream = self
            .handle
            .request(request, SocketAddr::new(0, 0))
            .map_err(|_| NetlinkError::NoAnswer { what: what() })?;
        let mut answers = Vec::new();
        while let Some(message) = stream.next().await {
            match message.payload {
                NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                NetlinkPayload::Error(error) if error.code.is_some() => {
                    return Err(NetlinkError::Refused { what: what(), source: error.to_io() });
                }
                NetlinkPayload::Error(_) | NetlinkPayload::Done(_) => return Ok(answers),
                _ => {}
            }
        }
        Err(NetlinkError::NoAnswer { what: what() })
    }

    /// A socket subscribed to one of the family's groups.
    pub(super) fn subscribe(&self, group: &'static str) -> Result<Notifications<Message>, NetlinkError> {
        let id = *self.groups.get(group).ok_or(NetlinkError::NoFamily { family: self.name })?;
        let failed = |source| NetlinkError::Socket { what: "generic netlink notifications", source };
        let (mut connection, _, messages) = new_connection(NETLINK_GENERIC).map_err(failed)?;
        let socket = connection.socket_mut().socket_mut();
        socket.bind_auto().map_err(failed)?;
        socket.add_membership(id).map_err(failed)?;
        Ok(Notifications::new(connection, messages))
    }
}

/// Id and groups out of a CTRL_CMD_NEWFAMILY.
fn describe(message: &Message) -> Option<(u16, HashMap<String, u32>)> {
    let id = u16::from_ne_bytes(message.value(CTRL_ATTR_FAMILY_ID)?.try_into().ok()?);
    let list = message.value(CTRL_ATTR_MCAST_GROUPS).unwrap_or_default();
    let groups = attributes(&list).into_iter().filter_map(|nla| {
        let group = attributes(&value(std::slice::from_ref(&nla), nla.kind() & !NLA_F_NESTED)?);
        let name = value(&group, CTRL_ATTR_MCAST_GRP_NAME)?;
        let number = value(&group, CTRL_ATTR_MCAST_GRP_ID)?.try_into().ok().map(u32::from_ne_bytes)?;
        Some((String::from_utf8(name).ok()?.trim_end_matches('\0').to_owned(), number))
    });
    Some((id, groups.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(bytes: &[u8]) -> Message {
        match NetlinkMessage::<Message>::deserialize(bytes).unwrap().payload {
            NetlinkPayload::InnerMessage(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_family_has_an_id_and_groups() {
        let (id, groups) = describe(&captured(include_bytes!("captures/family-netdev.bin"))).unwrap();
        assert_eq!(id, 20);
        assert!(groups.contains_key("mgmt"), "{groups:?}");
    }

    #[test]
    fn a_message_is_what_was_captured_when_written_again() {
        let bytes = include_bytes!("captures/netdev.bin");
        let message = captured(bytes);
        let mut again = vec![0; message.buffer_len()];
        message.serialize(&mut again);
        assert_eq!(again, bytes[16..]);
    }

    #[test]
    fn a_cut_message_gives_what_is_whole() {
        let bytes = include_bytes!("captures/netdev.bin");
        for cut in 16..bytes.len() {
            let header = NetlinkHeader::default();
            let message = Message::deserialize(&header, &bytes[16..cut]).unwrap();
            assert!(message.attributes.len() < captured(bytes).attributes.len(), "cut at {cut}");
        }
    }

    #[test]
    fn a_uint_has_four_or_eight_bytes() {
        let message = |value: &[u8]| Message {
            family: 20,
            command: 1,
            attributes: vec![DefaultNla::new(3, value.to_vec())],
        };
        assert_eq!(message(&7u64.to_ne_bytes()).uint(3), Some(7));
        assert_eq!(message(&7u32.to_ne_bytes()).uint(3), Some(7));
        assert_eq!(message(&[7]).uint(3), None);
        assert_eq!(message(&[7]).uint(4), None);
    }
}
