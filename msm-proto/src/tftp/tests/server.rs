//! A lawful TFTP server: a port for each request, repeats what is not answered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::Peer;
use crate::Time;
use crate::tftp::{OptionPair, PORT, Packet};

const REPEAT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Server {
    /// What is served.
    pub(super) file: Vec<u8>,
    /// Options that it knows; a block size that it prefers.
    pub(super) options: Vec<&'static str>,
    pub(super) blksize: Option<usize>,
    /// Answers a copied ACK with DATA: the Sorcerer's Apprentice.
    pub(super) apprentice: bool,
    /// What was written to it, whole.
    pub(super) written: Vec<Vec<u8>>,
    pub(super) sessions: BTreeMap<u16, Session>,
}

#[derive(Debug)]
pub(super) struct Session {
    reading: bool,
    blksize: usize,
    /// Block last sent (reading) or received.
    block: usize,
    bytes: Vec<u8>,
    last: Vec<u8>,
    repeat: Option<Time>,
}

impl Server {
    pub(super) fn plain(file: Vec<u8>) -> Self {
        Self { file, ..Self::default() }
    }

    pub(super) fn knowing_all(file: Vec<u8>) -> Self {
        Self { file, options: vec!["blksize", "timeout", "tsize"], ..Self::default() }
    }

    fn request(&mut self, reading: bool, asked: &[OptionPair]) -> (u16, Vec<u8>) {
        let mut blksize = 512;
        let mut options = Vec::new();
        for (name, value) in asked.iter().filter(|(name, _)| self.options.contains(&name.as_str())) {
            let value = match name.as_str() {
                "blksize" => {
                    blksize = self.blksize.unwrap_or(value.parse().expect("we ask for numbers"));
                    blksize.to_string()
                }
                "tsize" if reading => self.file.len().to_string(),
                _ => value.clone(),
            };
            options.push((name.clone(), value));
        }
        let bytes = if reading { self.file.clone() } else { Vec::new() };
        let mut session = Session { reading, blksize, block: 0, bytes, last: Vec::new(), repeat: None };
        session.last = match (options.is_empty(), reading) {
            (false, _) => Packet::OptionsAck { options }.encode(),
            (true, true) => session.next(),
            (true, false) => Packet::Ack { block: 0 }.encode(),
        };
        let port = 50_000 + u16::try_from(self.sessions.len()).expect("few sessions");
        let answer = session.last.clone();
        self.sessions.insert(port, session);
        (port, answer)
    }
}

impl Session {
    fn next(&mut self) -> Vec<u8> {
        self.block += 1;
        let start = (self.block - 1) * self.blksize;
        let bytes = &self.bytes[start..self.bytes.len().min(start + self.blksize)];
        Packet::Data { block: self.block as u16, bytes }.encode()
    }

    fn is_last(&self) -> bool {
        self.block * self.blksize > self.bytes.len()
    }
}

impl Peer for Server {
    fn hear(&mut self, now: Time, port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let packet = Packet::decode(bytes).expect("the client sends packets");
        if port == PORT {
            let (port, answer) = match packet {
                Packet::Read { options, .. } => self.request(true, &options),
                Packet::Write { options, .. } => self.request(false, &options),
                other => panic!("{other:?} to the port of requests"),
            };
            self.sessions.get_mut(&port).expect("just made").repeat = Some(now + REPEAT);
            return vec![(port, answer)];
        }
        let Some(session) = self.sessions.get_mut(&port) else { return Vec::new() };
        let answer = match packet {
            Packet::Ack { block } if session.reading && block == session.block as u16 => {
                if session.is_last() && session.block > 0 {
                    session.repeat = None;
                    return Vec::new();
                }
                session.next()
            }
            Packet::Ack { .. } if self.apprentice && session.repeat.is_some() => {
                return vec![(port, session.last.clone())];
            }
            Packet::Ack { .. } if session.reading => return Vec::new(),
            Packet::Data { block, bytes } if !session.reading => {
                if block == (session.block + 1) as u16 {
                    session.block += 1;
                    session.bytes.extend_from_slice(bytes);
                    if bytes.len() < session.blksize {
                        self.written.push(session.bytes.clone());
                        // It dallies: an ACK that is lost is asked for again by the client.
                        session.last = Packet::Ack { block }.encode();
                        session.repeat = None;
                        return vec![(port, session.last.clone())];
                    }
                } else if block != session.block as u16 {
                    return Vec::new();
                }
                Packet::Ack { block }.encode()
            }
            Packet::Error { .. } => {
                session.repeat = None;
                return Vec::new();
            }
            other => panic!("{other:?} in mid-transfer"),
        };
        session.last.clone_from(&answer);
        if session.repeat.is_some() {
            session.repeat = Some(now + REPEAT);
        }
        vec![(port, answer)]
    }

    fn deadline(&self) -> Option<Time> {
        self.sessions.values().filter_map(|session| session.repeat).min()
    }

    fn tick(&mut self, now: Time) -> Vec<(u16, Vec<u8>)> {
        let due = self.sessions.iter_mut().filter(|(_, session)| session.repeat.is_some_and(|at| at <= now));
        due.map(|(port, session)| {
            session.repeat = Some(now + REPEAT);
            (*port, session.last.clone())
        })
        .collect()
    }
}
