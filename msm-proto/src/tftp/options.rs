//! What is asked for beyond RFC 1350, and what of it the server took (RFC 2347, 2348, 2349).

use super::error::TftpError;
use super::packet::OptionPair;
use super::timers::SERVER_REPEATS;

/// Bytes of a block when nothing is agreed (RFC 1350).
pub(super) const BLKSIZE_DEFAULT: usize = 512;
/// Bytes of a block asked for: with headers of TFTP, UDP and IPv4 or IPv6 it fits an Ethernet frame of 1,500 (RFC 2348
/// has the sum for IPv4 and 1,468; IPv6 takes 20 more, a tunnel or tag the rest).
pub const BLKSIZE: usize = 1428;
/// RFC 2348.
const BLKSIZE_MIN: usize = 8;
/// Of a server's name or value, in an error.
const SHOWN: usize = 40;

/// What holds for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Bytes of every block but the last.
    pub(super) blksize: usize,
    /// Bytes of the file, as the server announced it.
    pub(super) tsize: Option<u64>,
}

impl Agreed {
    /// With a server that took no option.
    pub(super) const NOTHING: Self = Self { blksize: BLKSIZE_DEFAULT, tsize: None };
}

/// The options of a request. `tsize`: bytes to be written; 0 asks for the size of what is read.
pub(super) fn ask(tsize: usize) -> Vec<OptionPair> {
    [("blksize", BLKSIZE), ("timeout", SERVER_REPEATS.into()), ("tsize", tsize)]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .to_vec()
}

/// What an OACK to `asked` makes hold. `reading`: the size is the server's to say; otherwise it repeats ours.
///
/// # Errors
/// An option that was not asked for, or a value it cannot have.
pub(super) fn agree(
    asked: &[OptionPair],
    answered: &[OptionPair],
    reading: bool,
) -> Result<Agreed, TftpError> {
    let mut agreed = Agreed::NOTHING;
    for (index, (name, value)) in answered.iter().enumerate() {
        let twice = answered[..index].iter().any(|(earlier, _)| earlier == name);
        let Some((_, ours)) = asked.iter().find(|(ours, _)| ours == name && !twice) else {
            return Err(TftpError::UnaskedOption { name: cut(name) });
        };
        let bad = || TftpError::BadOption { name: name.clone(), asked: ours.clone(), value: cut(value) };
        // One spelling: u64's own parser takes "+7" too.
        let number = value
            .parse::<u64>()
            .ok()
            .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(bad)?;
        match name.as_str() {
            "blksize" => {
                agreed.blksize = usize::try_from(number)
                    .ok()
                    .filter(|blksize| (BLKSIZE_MIN..=BLKSIZE).contains(blksize))
                    .ok_or_else(bad)?;
            }
            "tsize" if reading => agreed.tsize = Some(number),
            // Echoed as asked: the time between repetitions, the size of what is written.
            _ if value == ours => {}
            _ => return Err(bad()),
        }
    }
    Ok(agreed)
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
