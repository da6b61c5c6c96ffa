//! The two kinds of transfer: what each packet of the server does to them.

use super::error::TftpError;
use super::options::Agreed;
use super::packet::Packet;

/// What a packet made of a transfer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Progress: this is sent next, until the next progress.
    Next(Vec<u8>),
    /// The server has not heard our last packet.
    Again,
    /// An old copy.
    Ignore,
    /// All is there. The packet is a last courtesy.
    Finished { last: Option<Vec<u8>>, bytes: Vec<u8> },
}

/// A file on its way to us.
#[derive(Debug)]
pub(super) struct Reading {
    limit: usize,
    agreed: Agreed,
    /// Blocks received, not modulo anything.
    blocks: u64,
    bytes: Vec<u8>,
}

/// A file on its way to the server.
#[derive(Debug)]
pub(super) struct Writing {
    bytes: Vec<u8>,
    agreed: Agreed,
    /// Block that was sent last; 0: none was.
    block: u64,
}

/// How a number of 16 bits on the wire relates to the one that is due.
enum Order {
    Due,
    /// Copy of the one before.
    Last,
    Older,
    Skipped,
}

/// `due` is a count from 0 that does not wrap; of what is further back than half the circle nothing is known.
fn order(due: u64, got: u16) -> Order {
    let behind = u64::from(low(due).wrapping_sub(got));
    match behind {
        0 => Order::Due,
        _ if behind > due.min(0x7fff) => Order::Skipped,
        1 => Order::Last,
        _ => Order::Older,
    }
}

/// A block's number on the wire: after 65,535 comes 0.
#[expect(clippy::cast_possible_truncation, reason = "modulo 65,536 is meant")]
const fn low(block: u64) -> u16 {
    block as u16
}

impl Reading {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, agreed: Agreed::NOTHING, blocks: 0, bytes: Vec::new() }
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// The server took options.
    pub(super) fn agreed(&mut self, agreed: Agreed) -> Result<Step, TftpError> {
        if agreed.tsize.is_some_and(|tsize| tsize > self.limit as u64) {
            return Err(TftpError::TooLarge { limit: self.limit });
        }
        self.agreed = agreed;
        Ok(Step::Next(ack(0)))
    }

    /// The server's OACK again.
    pub(super) fn agreed_again(&self) -> Step {
        if self.blocks == 0 { Step::Again } else { Step::Ignore }
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> Result<Step, TftpError> {
        let Packet::Data { block, bytes } = *packet else {
            return Err(TftpError::Unexpected { kind: packet.kind() });
        };
        let due = self.blocks + 1;
        match order(due, block) {
            Order::Due => self.block(bytes),
            // There is no block 0, hence no copy of it.
            Order::Last if self.blocks > 0 => Ok(Step::Again),
            Order::Older if self.blocks > 0 => Ok(Step::Ignore),
            _ => Err(TftpError::BlockSkipped { expected: low(due), got: block }),
        }
    }

    fn block(&mut self, bytes: &[u8]) -> Result<Step, TftpError> {
        let Agreed { blksize, tsize } = self.agreed;
        if bytes.len() > blksize {
            return Err(TftpError::BlockTooLong { agreed: blksize });
        }
        let total = self.bytes.len() + bytes.len();
        if total > self.limit {
            return Err(TftpError::TooLarge { limit: self.limit });
        }
        let last = bytes.len() < blksize;
        if let Some(announced) = tsize
            && (total as u64 > announced || last && total as u64 != announced)
        {
            return Err(TftpError::SizeLie { announced, sent: total as u64 });
        }
        if self.bytes.capacity() < total {
            // Doubling, as Vec does, but never past the limit.
            self.bytes.reserve_exact((total * 2).min(self.limit) - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        self.blocks += 1;
        let ack = ack(low(self.blocks));
        Ok(if last {
            Step::Finished { last: Some(ack), bytes: std::mem::take(&mut self.bytes) }
        } else {
            Step::Next(ack)
        })
    }
}

impl Writing {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, agreed: Agreed::NOTHING, block: 0 }
    }

    /// Bytes that the server has acknowledged.
    pub(super) fn held(&self) -> usize {
        self.start(self.block)
    }

    pub(super) fn total(&self) -> usize {
        self.bytes.len()
    }

    /// The server took options, and with that the request.
    pub(super) fn agreed(&mut self, agreed: Agreed) -> Step {
        self.agreed = agreed;
        self.next()
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> Result<Step, TftpError> {
        let Packet::Ack { block } = *packet else {
            return Err(TftpError::Unexpected { kind: packet.kind() });
        };
        match order(self.block, block) {
            // The last block is the one that is not full.
            Order::Due if self.block > 0 && self.start(self.block + 1) > self.bytes.len() => {
                Ok(Step::Finished { last: None, bytes: Vec::new() })
            }
            Order::Due => Ok(self.next()),
            // To answer a copied ACK with DATA is the Sorcerer's Apprentice; our clock does it (RFC 1123 4.2.3.1).
            Order::Last | Order::Older => Ok(Step::Ignore),
            Order::Skipped => Err(TftpError::BlockSkipped { expected: low(self.block), got: block }),
        }
    }

    fn next(&mut self) -> Step {
        self.block += 1;
        let start = self.start(self.block);
        let bytes = &self.bytes[start..self.bytes.len().min(start + self.agreed.blksize)];
        Step::Next(Packet::Data { block: low(self.block), bytes }.encode())
    }

    /// Where a block begins. One past the last begins past the end of the file.
    fn start(&self, block: u64) -> usize {
        usize::try_from(block.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(self.agreed.blksize)
    }
}

fn ack(block: u16) -> Vec<u8> {
    Packet::Ack { block }.encode()
}
