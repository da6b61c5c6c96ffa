//! What client and server say to each other: length-delimited prost messages on a stream.

use prost::Message;
use tokio_util::codec::LengthDelimitedCodec;

use msm_config::TEXT_MAX;

/// Longest request: a configuration, and a command line with room to spare. What claims to be longer costs its sender the connection.
pub(crate) const REQUEST_MAX: usize = TEXT_MAX + 64 * 1024;
/// Data of one answer frame; longer answers come in several.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Longest answer frame: a chunk and the fields around it.
pub(crate) const ANSWER_MAX: usize = CHUNK + 4096;

/// Client to server.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Request {
    /// Random; a repeat after a lost connection has the same, and is not carried out twice.
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    /// The command line.
    #[prost(string, tag = "2")]
    pub(crate) line: String,
    /// The file that the command reads where the client runs.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) attachment: Vec<u8>,
    /// The command of this id is given up: no other field means anything.
    #[prost(bool, tag = "4")]
    pub(crate) cancel: bool,
}

/// Server to client.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FromServer {
    /// What it says.
    #[prost(oneof = "Body", tags = "1, 2")]
    pub(crate) body: Option<Body>,
}

/// Bodies of [`FromServer`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Body {
    /// On connection and at each change.
    #[prost(message, tag = "1")]
    Announce(Announce),
    /// To a request.
    #[prost(message, tag = "2")]
    Answer(Answer),
}

/// Who this MSM is and what it is now.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Announce {
    /// `a` or `b`.
    #[prost(string, tag = "1")]
    pub(crate) slot: String,
    /// `booting`, `slave`, `master` or `leaving`.
    #[prost(string, tag = "2")]
    pub(crate) role: String,
    /// Commands that change something belong here.
    #[prost(bool, tag = "3")]
    pub(crate) master: bool,
    /// Epoch of the owner, as this MSM knows it.
    #[prost(uint64, tag = "4")]
    pub(crate) epoch: u64,
    /// For the prompt.
    #[prost(string, tag = "5")]
    pub(crate) sys_name: String,
    /// For the prompt: something is not saved.
    #[prost(bool, tag = "6")]
    pub(crate) unsaved: bool,
    /// For the prompt: this client may configure.
    #[prost(bool, tag = "7")]
    pub(crate) admin: bool,
    /// Long answers stop at each screenful, at a terminal.
    #[prost(bool, tag = "8")]
    pub(crate) paging: bool,
}

/// Part of an answer; the last has `last` set, and only then `ok` and `error` mean something.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Answer {
    /// Of the request.
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    /// It was done.
    #[prost(bool, tag = "2")]
    pub(crate) ok: bool,
    /// Why not, or empty.
    #[prost(string, tag = "3")]
    pub(crate) error: String,
    /// Part of the data, a JSON object in UTF-8, cut at any byte; a line end in it means nothing, but that what is before it can be shown.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) data: Vec<u8>,
    /// The last part.
    #[prost(bool, tag = "5")]
    pub(crate) last: bool,
    /// Role of the server when it answered.
    #[prost(string, tag = "6")]
    pub(crate) role: String,
    /// It was not tried, and may be sent to the master.
    #[prost(bool, tag = "7")]
    pub(crate) elsewhere: bool,
    /// `data` is content of the file that the command writes where the client runs, and no JSON.
    #[prost(bool, tag = "8")]
    pub(crate) file: bool,
}

/// Framing of one direction: four bytes of length, big endian.
pub(crate) fn codec(max: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(max).new_codec()
}
