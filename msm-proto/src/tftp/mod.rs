//! A TFTP client (RFC 1350 with the options of RFC 2347, 2348 and 2349): one file, read or written, mode octet.
//!
//! [`Transfer`] is driven like every protocol here: inputs and time in, outputs out. It ends by itself, whatever the
//! server does, and holds no more than its limit. After the last ACK of a read it does not dally (RFC 1350 section 6
//! leaves that open): a server that missed it repeats to a closed port, and the file is here.

mod error;
mod events;
mod options;
mod packet;
mod state;
mod timers;

#[cfg(test)]
mod tests;

pub use error::TftpError;
pub use events::{Input, Output, Outputs};
pub use options::BLKSIZE;
pub use packet::{FILE_NAME_MAX, Kind, OptionPair, Packet, PacketError};

use self::state::{Reading, Step, Writing};
use crate::time::Time;

/// Largest file of any transfer: the largest configuration.
pub const LIMIT_MAX: usize = crate::SNAPSHOT_MAX;
/// Bytes of a datagram that need to be read: one more than is lawful shows that there were more.
pub const DATAGRAM_ROOM: usize = 4 + BLKSIZE + 1;
/// Where TFTP servers listen.
pub const PORT: u16 = 69;
/// Packets from ports that are not the server's that are answered.
const STRANGERS: u32 = 16;

/// One file on its way.
#[derive(Debug)]
pub struct Transfer {
    job: Job,
    /// Options of the request.
    asked: Vec<OptionPair>,
    /// Port of the server: the listening one, then that of its first answer (its TID).
    port: u16,
    phase: Phase,
    /// What the server took, if it sent an OACK.
    taken: Option<Vec<OptionPair>>,
    /// Sent last, how often, and when for the last time.
    last: Vec<u8>,
    tries: u32,
    sent: Time,
    /// When it is sent again, and when all ends.
    retry: Time,
    started: Time,
    strangers: u32,
}

#[derive(Debug)]
enum Job {
    Read(Reading),
    Write(Writing),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not started.
    New,
    /// The request is out.
    Asking,
    /// The server has answered: its port is known.
    Going,
    Done,
}

impl Transfer {
    /// Reads `file` from the server that listens on `port`: at most `limit` bytes, and at most [`LIMIT_MAX`].
    ///
    /// # Errors
    /// [`TftpError::FileName`].
    pub fn read(port: u16, file: &str, limit: usize) -> Result<Self, TftpError> {
        let asked = options::ask(0);
        let request = Packet::Read { file: file.to_owned(), options: asked.clone() };
        Self::new(port, file, Job::Read(Reading::new(limit.min(LIMIT_MAX))), &request, &asked)
    }

    /// Writes `bytes` as `file` to the server that listens on `port`.
    ///
    /// # Errors
    /// [`TftpError::FileName`]; [`TftpError::TooLarge`] for more than [`LIMIT_MAX`] bytes.
    pub fn write(port: u16, file: &str, bytes: Vec<u8>) -> Result<Self, TftpError> {
        if bytes.len() > LIMIT_MAX {
            return Err(TftpError::TooLarge { limit: LIMIT_MAX });
        }
        let asked = options::ask(bytes.len());
        let request = Packet::Write { file: file.to_owned(), options: asked.clone() };
        Self::new(port, file, Job::Write(Writing::new(bytes)), &request, &asked)
    }

    fn new(
        port: u16,
        file: &str,
        job: Job,
        request: &Packet<'_>,
        asked: &[OptionPair],
    ) -> Result<Self, TftpError> {
        if !packet::is_file_name(file) {
            return Err(TftpError::FileName);
        }
        Ok(Self {
            job,
            asked: asked.to_vec(),
            port,
            phase: Phase::New,
            taken: None,
            last: request.encode(),
            tries: 0,
            sent: Time::default(),
            retry: Time::default(),
            started: Time::default(),
            strangers: 0,
        })
    }

    /// When [`Input::Tick`] is due; `None` before the start and after the end.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        matches!(self.phase, Phase::Asking | Phase::Going)
            .then(|| self.retry.min(self.started + timers::TOTAL))
    }

    /// Bytes of the file transferred so far.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.job {
            Job::Read(reading) => reading.held(),
            Job::Write(writing) => writing.held().min(writing.total()),
        }
    }

    /// Takes one input at `now` and says what is to be done. Never panics on what a server says.
    pub fn step(&mut self, now: Time, input: Input) -> Outputs {
        let mut out = Outputs::new();
        if self.phase == Phase::New && input == Input::Start {
            self.phase = Phase::Asking;
            self.started = now;
            self.send(now, &mut out);
        }
        if !matches!(self.phase, Phase::Asking | Phase::Going) {
            return out;
        }
        if let Input::Datagram { port, bytes } = input {
            self.datagram(now, port, &bytes, &mut out);
        }
        // Whatever the input: a server that never stops talking must not keep the clock from being looked at.
        self.clock(now, &mut out);
        out
    }

    fn datagram(&mut self, now: Time, port: u16, bytes: &[u8], out: &mut Outputs) {
        let packet = Packet::decode(bytes);
        if self.phase == Phase::Going && port != self.port {
            // RFC 1350 section 4: told so, and the transfer goes on. An ERROR is never answered with one.
            if self.strangers < STRANGERS && bytes.get(..2) != Some(&[0, 5]) {
                self.strangers += 1;
                out.push(error_packet(port, 5, "unknown transfer"));
            }
            return;
        }
        self.port = port;
        let first = self.phase == Phase::Asking;
        self.phase = Phase::Going;
        match packet.map_err(TftpError::Garbage).and_then(|packet| self.packet(first, packet)) {
            Ok(Step::Next(bytes)) => {
                self.last = bytes;
                self.tries = 0;
                self.send(now, out);
            }
            Ok(Step::Again) if now - self.sent >= timers::QUIET => {
                // Not counted and not put off: a server that only repeats itself is as good as silent.
                self.sent = now;
                out.push(Output::Send { port: self.port, bytes: self.last.clone() });
            }
            Ok(Step::Again | Step::Ignore) => {}
            Ok(Step::Finished { last, bytes }) => {
                out.extend(last.map(|bytes| Output::Send { port: self.port, bytes }));
                self.done(Ok(bytes), out);
            }
            Err(error) => self.done(Err(error), out),
        }
    }

    fn packet(&mut self, first: bool, packet: Packet<'_>) -> Result<Step, TftpError> {
        match packet {
            Packet::Error { code, text } => Err(TftpError::Refused { code, text }),
            Packet::OptionsAck { options } if first => {
                let agreed = options::agree(&self.asked, &options, matches!(self.job, Job::Read(_)))?;
                self.taken = Some(options);
                match &mut self.job {
                    Job::Read(reading) => reading.agreed(agreed),
                    Job::Write(writing) => Ok(writing.agreed(agreed)),
                }
            }
            // A copy of the one that was taken, however late, is the network's doing.
            Packet::OptionsAck { options } if self.taken.as_ref() == Some(&options) => Ok(match &self.job {
                Job::Read(reading) => reading.agreed_again(),
                Job::Write(_) => Step::Ignore,
            }),
            Packet::OptionsAck { .. } => Err(TftpError::OptionsChanged),
            packet => match &mut self.job {
                Job::Read(reading) => reading.packet(&packet),
                Job::Write(writing) => writing.packet(&packet),
            },
        }
    }

    fn clock(&mut self, now: Time, out: &mut Outputs) {
        if self.phase == Phase::Done {
            return;
        }
        let took = now - self.started;
        if took >= timers::TOTAL {
            let error = match self.phase {
                Phase::Going => TftpError::TooSlow { bytes: self.held(), seconds: took.as_secs() },
                _ => TftpError::NoAnswer,
            };
            self.done(Err(error), out);
        } else if now >= self.retry {
            if self.tries < timers::TRIES {
                self.send(now, out);
            } else {
                let error = match self.phase {
                    Phase::Going => TftpError::Stalled { bytes: self.held() },
                    _ => TftpError::NoAnswer,
                };
                self.done(Err(error), out);
            }
        }
    }

    /// Sends what was last made, again or for the first time.
    fn send(&mut self, now: Time, out: &mut Outputs) {
        self.tries += 1;
        self.sent = now;
        self.retry = now + timers::patience(self.tries);
        out.push(Output::Send { port: self.port, bytes: self.last.clone() });
    }

    fn done(&mut self, result: Result<Vec<u8>, TftpError>, out: &mut Outputs) {
        self.phase = Phase::Done;
        if let Err(error) = &result
            && let Some((code, text)) = error.notice()
        {
            out.push(error_packet(self.port, code, text));
        }
        out.push(Output::Done(result));
    }
}

fn error_packet(port: u16, code: u16, text: &str) -> Output {
    Output::Send { port, bytes: Packet::Error { code, text: text.to_owned() }.encode() }
}
