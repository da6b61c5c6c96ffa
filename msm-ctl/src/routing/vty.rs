//! A daemon's own command line, over its Unix socket: a command ends in a zero byte, its answer in three and a status (lib/vty.c, vtysh_read).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A daemon answers in less than a millisecond; one with a million routes thinks for longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read: a table of 10,000 neighbours is less.
const ANSWER_MAX: usize = 16 << 20;
/// `CMD_SUCCESS` of lib/command.h.
const SUCCESS: u8 = 0;
/// Before the status byte.
const END: [u8; 3] = [0; 3];

/// A conversation.
pub(crate) struct Vty {
    path: PathBuf,
    stream: UnixStream,
}

/// It went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VtyError {
    /// Nobody answers there.
    #[error("{path}: {error}; is the daemon running? show ospf, show bgp and show rip tell")]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The daemon said no.
    #[error("{path}: \"{command}\" is refused (status {status}): {said}")]
    Refused {
        /// The socket.
        path: PathBuf,
        /// The command.
        command: String,
        /// `CMD_*` of lib/command.h.
        status: u8,
        /// What it printed.
        said: String,
    },
}

impl Vty {
    /// Connects, with the right to configure.
    pub(crate) fn connect(path: &Path) -> Result<Self, VtyError> {
        let failed = |error| VtyError::Io { path: path.to_owned(), error };
        let stream = UnixStream::connect(path).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut vty = Self { path: path.to_owned(), stream };
        vty.command("enable")?;
        Ok(vty)
    }

    /// What the daemon answers to `command`.
    pub(crate) fn command(&mut self, command: &str) -> Result<String, VtyError> {
        let (status, said) =
            self.exchange(command).map_err(|error| VtyError::Io { path: self.path.clone(), error })?;
        if status == SUCCESS {
            return Ok(said);
        }
        let (path, command, said) = (self.path.clone(), command.to_owned(), said.trim().to_owned());
        Err(VtyError::Refused { path, command, status, said })
    }

    fn exchange(&mut self, command: &str) -> io::Result<(u8, String)> {
        let mut bytes = command.as_bytes().to_vec();
        bytes.push(0);
        self.stream.write_all(&bytes)?;
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&buffer[..read]);
            if let [text @ .., a, b, c, status] = answer.as_slice()
                && [*a, *b, *c] == END
            {
                return Ok((*status, String::from_utf8_lossy(text).into_owned()));
            }
            if answer.len() > ANSWER_MAX {
                return Err(io::Error::other(format!("an answer of more than {ANSWER_MAX} bytes")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A daemon that answers in pieces.
    fn daemon(path: &Path, answers: Vec<Vec<&'static [u8]>>) -> std::thread::JoinHandle<Vec<String>> {
        let listener = UnixListener::bind(path).expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut heard = Vec::new();
            for pieces in answers {
                let (mut line, mut byte) = (Vec::new(), [0]);
                while stream.read(&mut byte).is_ok_and(|n| n == 1) && byte[0] != 0 {
                    line.push(byte[0]);
                }
                heard.push(String::from_utf8(line).expect("text"));
                for piece in pieces {
                    stream.write_all(piece).expect("written");
                    stream.flush().expect("flushed");
                }
            }
            heard
        })
    }

    #[test]
    fn an_answer_ends_with_its_status() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("ospfd.vty");
        let there = daemon(
            &path,
            vec![
                vec![b"\0\0\0\0"],
                vec![b"router", b" ospf\n", b"\0\0", b"\0\0"],
                vec![b"% Unknown command\n\0\0\0\x02"],
            ],
        );
        let mut vty = Vty::connect(&path).expect("connected");
        assert_eq!(vty.command("show running-config").expect("an answer"), "router ospf\n");
        let error = vty.command("nonsense").expect_err("refused");
        assert!(
            error.to_string().contains("\"nonsense\" is refused (status 2): % Unknown command"),
            "{error}"
        );
        assert_eq!(there.join().expect("no panic"), ["enable", "show running-config", "nonsense"]);
        assert!(matches!(vty.command("again"), Err(VtyError::Io { .. })), "it has gone");
    }
}
