//! A TFTP server on the management network: an honest one (RFC 1350, 2347, 2348, 2349), and what else may listen there.
//!
//! A file's name says how it is served: see [`Manner`].

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use netns_tests::bed::{MGMT_SERVER, Netns};

const PORT: u16 = 69;
/// Between two looks at whether to end, and before a packet is sent again.
const LOOK: Duration = Duration::from_millis(200);
const TRIES: u32 = 10;
const PLAIN_BLOCK: usize = 512;

/// How a file is served, by the beginning of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Any other name.
    Honest,
    /// `silent`: not at all.
    Silent,
    /// `stall`: a first block, and no more.
    Stalls,
    /// `slow`: a small block a second.
    Slow,
    /// `short`: announces fewer bytes than it sends.
    Short,
    /// `long`: announces more than it sends.
    Long,
    /// `huge`: announces more than anybody takes.
    Huge,
    /// `garbage`: what is no packet.
    Garbage,
    /// `endless`: blocks for ever, size not announced.
    Endless,
}

impl Manner {
    fn of(file: &str) -> Self {
        let table = [
            ("silent", Self::Silent),
            ("stall", Self::Stalls),
            ("slow", Self::Slow),
            ("short", Self::Short),
            ("long", Self::Long),
            ("huge", Self::Huge),
            ("garbage", Self::Garbage),
            ("endless", Self::Endless),
        ];
        table.into_iter().find(|(begin, _)| file.starts_with(begin)).map_or(Self::Honest, |(_, is)| is)
    }
}

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A server, until it is dropped.
pub(crate) struct Server {
    files: Files,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(netns: &Netns) -> Self {
        let socket = netns.enter(|| UdpSocket::bind((MGMT_SERVER, PORT))).expect("inside").expect("port 69");
        socket.set_read_timeout(Some(LOOK)).expect("a timeout");
        let (files, end) = (Files::default(), Arc::new(AtomicBool::new(false)));
        let (served, stop) = (Arc::clone(&files), Arc::clone(&end));
        let thread = netns.spawn(move || listen(&socket, &served, &stop)).expect("a thread inside");
        Self { files, end, thread: Some(thread) }
    }

    /// What was written to it.
    pub(crate) fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn put(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), bytes.into());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(socket: &UdpSocket, files: &Files, end: &Arc<AtomicBool>) {
    let mut buffer = [0; 2048];
    let mut transfers = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(request) = Request::parse(&buffer[..length]) else { continue };
        let (files, end) = (Arc::clone(files), Arc::clone(end));
        // Where this thread is, there is the next: the transfer's port is of the same namespace.
        transfers.push(std::thread::spawn(move || Transfer::new(from, &end).serve(request, &files)));
    }
    for transfer in transfers {
        let _ = transfer.join();
    }
}

struct Request {
    reading: bool,
    file: String,
    options: Vec<(String, String)>,
}

impl Request {
    fn parse(packet: &[u8]) -> Option<Self> {
        let reading = match packet.first_chunk()? {
            [0, 1] => true,
            [0, 2] => false,
            _ => return None,
        };
        let mut words =
            packet[2..].split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let (file, _mode) = (words.next()?, words.next()?);
        let mut options = Vec::new();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            options.push((name, value));
        }
        Some(Self { reading, file, options })
    }
}

struct Transfer<'a> {
    socket: UdpSocket,
    end: &'a AtomicBool,
}

impl<'a> Transfer<'a> {
    fn new(client: SocketAddr, end: &'a AtomicBool) -> Self {
        let socket = UdpSocket::bind((MGMT_SERVER, 0)).expect("a port");
        socket.connect(client).expect("a client");
        socket.set_read_timeout(Some(LOOK)).expect("a timeout");
        Self { socket, end }
    }

    fn serve(&self, request: Request, files: &Files) {
        let manner = Manner::of(&request.file);
        let lock = || files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = lock().get(&request.file).cloned();
        match (manner, request.reading, file) {
            (Manner::Silent, ..) => {}
            (Manner::Garbage, ..) => drop(self.socket.send(&[0xA5; 600])),
            (_, true, None) => drop(self.socket.send(b"\0\x05\0\x01no such file\0")),
            (_, true, Some(file)) => self.send(&request, manner, &file),
            (_, false, _) => {
                if let Some(bytes) = self.receive(&request, manner) {
                    lock().insert(request.file, bytes);
                }
            }
        }
    }

    /// Options taken as asked; the size as the manner has it. Gives the block size.
    fn agree(&self, request: &Request, manner: Manner, size: usize) -> (usize, Option<Vec<u8>>) {
        let mut block = PLAIN_BLOCK;
        let mut answer = vec![0, 6];
        for (name, value) in &request.options {
            let value = match name.to_ascii_lowercase().as_str() {
                "blksize" if manner == Manner::Slow => {
                    block = 16;
                    block.to_string()
                }
                "blksize" => {
                    block = value.parse().unwrap_or(PLAIN_BLOCK);
                    value.clone()
                }
                "tsize" if !request.reading => value.clone(),
                "tsize" => match manner {
                    Manner::Short => (size / 2).to_string(),
                    Manner::Long => (size + 1000).to_string(),
                    Manner::Huge => u64::MAX.to_string(),
                    Manner::Endless => continue,
                    _ => size.to_string(),
                },
                "timeout" => value.clone(),
                _ => continue,
            };
            answer.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        (block, (answer.len() > 2).then_some(answer))
    }

    /// Sends until `wanted` comes; `None` when it does not.
    fn exchange(&self, packet: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        for _ in 0..TRIES {
            if self.end.load(Ordering::Relaxed) {
                return None;
            }
            let _ = self.socket.send(packet);
            match self.socket.recv(&mut buffer) {
                Ok(length) if wanted(&buffer[..length]) => return Some(buffer[..length].to_vec()),
                Ok(_) if buffer[..2] == [0, 5] => return None,
                _ => {}
            }
        }
        None
    }

    fn send(&self, request: &Request, manner: Manner, file: &[u8]) {
        let (block, options) = self.agree(request, manner, file.len());
        if let Some(options) = options
            && self.exchange(&options, |got| got == [0, 4, 0, 0]).is_none()
        {
            return;
        }
        let mut number = 1_usize;
        loop {
            let start = (number - 1) * block;
            let bytes = match manner {
                Manner::Endless => vec![b'#'; block],
                _ => file[start.min(file.len())..(start + block).min(file.len())].to_vec(),
            };
            if manner == Manner::Slow {
                std::thread::sleep(Duration::from_secs(1)); // its manner
            }
            let [high, low] = (number as u16).to_be_bytes();
            let packet = [&[0, 3, high, low], bytes.as_slice()].concat();
            if self.exchange(&packet, |got| got == [0, 4, high, low]).is_none() {
                return;
            }
            if bytes.len() < block || manner == Manner::Stalls {
                return;
            }
            number += 1;
        }
    }

    fn receive(&self, request: &Request, manner: Manner) -> Option<Vec<u8>> {
        let (block, options) = self.agree(request, manner, 0);
        let mut answer = options.unwrap_or_else(|| vec![0, 4, 0, 0]);
        let mut file = Vec::new();
        let mut number = 1_u16;
        loop {
            let [high, low] = number.to_be_bytes();
            let data = self.exchange(&answer, |got| got.starts_with(&[0, 3, high, low]))?;
            file.extend_from_slice(&data[4..]);
            answer = vec![0, 4, high, low];
            if manner == Manner::Stalls {
                return None;
            }
            if data.len() - 4 < block {
                // A lost last ACK is not asked for here: the management network of a bed loses nothing.
                let _ = self.socket.send(&answer);
                return Some(file);
            }
            number = number.wrapping_add(1);
        }
    }
}
