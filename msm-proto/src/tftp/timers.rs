//! How long a transfer may take. No state of it is without an end.

use std::time::Duration;

/// Times one packet is sent without an answer that helps.
pub(super) const TRIES: u32 = 5;
/// The transfer as a whole: the largest file in a round trip of 10 ms a block.
pub(super) const TOTAL: Duration = Duration::from_secs(120);
/// A repeat of the server is answered again only when our own packet has been out for this long: what comes sooner is
/// the network's copy, or a server that answers copies with copies (the Sorcerer's Apprentice, RFC 1123 4.2.3.1).
pub(super) const QUIET: Duration = Duration::from_millis(200);
/// The server's own repetition (RFC 2349 timeout), in seconds: the least there is. A lost DATA comes again by the
/// server's clock only, since our repeated ACK is a copy to it.
pub(super) const SERVER_REPEATS: u8 = 1;

/// To wait after the `tries`th time a packet was sent: 1, 2, 3, 4, 5 s.
pub(super) const fn patience(tries: u32) -> Duration {
    Duration::from_secs(tries as u64)
}
