//! Messages of zebra's clients that have it keep the routes of a client that is gone (lib/zclient.c, zclient_capabilities_send).

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use super::{Daemon, install};

/// `ZEBRA_HEADER_MARKER`
const MARKER: u8 = 254;
/// `ZSERV_VERSION`
const VERSION: u8 = 6;
/// Length, marker, version, VRF, command.
const HEADER: u16 = 10;
/// The default VRF; there is no other.
const VRF: u32 = 0;

/// `ZEBRA_CLIENT_CAPABILITIES` of the releases that this was tried with. The commands are an enum: others may count differently.
const COMMANDS: [(&str, u16); 1] = [("8.4", 119)];

/// `enum zserv_client_capabilities`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    /// Keep its routes for as many seconds when it goes.
    Keep(u32),
    /// Keep nothing.
    Withdraw,
}

/// The number of the command in the release that is installed.
pub(super) fn command() -> Option<u16> {
    static COMMAND: LazyLock<Option<u16>> = LazyLock::new(|| {
        let said = Command::new(install::program(Daemon::Zebra)).arg("--version").output().ok()?;
        in_release(&String::from_utf8_lossy(&said.stdout))
    });
    *COMMAND
}

/// The same, of what `zebra --version` prints.
fn in_release(said: &str) -> Option<u16> {
    let release = said.split_whitespace().skip_while(|word| *word != "version").nth(1)?;
    let known = |(known, _): &&(&str, u16)| release == *known || release.starts_with(&format!("{known}."));
    COMMANDS.iter().find(known).map(|(_, command)| *command)
}

/// The message.
pub(super) fn message(command: u16, capability: Capability) -> Vec<u8> {
    let body: Vec<u32> = match capability {
        Capability::Keep(seconds) => vec![1, seconds, VRF],
        Capability::Withdraw => vec![4, VRF],
    };
    let length = HEADER + 4 * u16::try_from(body.len()).unwrap_or(0);
    let mut out = length.to_be_bytes().to_vec();
    out.extend([MARKER, VERSION]);
    out.extend(VRF.to_be_bytes());
    out.extend(command.to_be_bytes());
    body.iter().for_each(|word| out.extend(word.to_be_bytes()));
    out
}

/// Whether a socket's other end is zebra's.
pub(super) fn is_zserv(path: &[u8]) -> bool {
    Path::new(std::ffi::OsStr::new(std::str::from_utf8(path).unwrap_or("")))
        .file_name()
        .is_some_and(|name| name == "zserv.api")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_as_zebra_reads_it() {
        let keep = message(119, Capability::Keep(60));
        assert_eq!(keep, [0, 22, 254, 6, 0, 0, 0, 0, 0, 119, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0, 0, 0]);
        assert_eq!(message(119, Capability::Withdraw)[..2], [0, 18]);
    }

    #[test]
    fn a_release_that_was_not_tried_is_not_spoken_to() {
        assert_eq!(in_release("zebra version 8.4.4\nCopyright"), Some(119));
        assert_eq!(in_release("zebra version 8.45"), None);
        assert_eq!(in_release("zebra version 10.1"), None);
        assert_eq!(in_release(""), None);
    }
}
