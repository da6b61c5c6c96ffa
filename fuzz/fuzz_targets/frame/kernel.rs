//! bpf(2), as far as aya has no call for it: test runs from any netdev, a tag put beside a frame, and all of a hash at once.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const MAP_CREATE: libc::c_long = 0;
const MAP_UPDATE: libc::c_long = 2;
const PROG_LOAD: libc::c_long = 5;
const PROG_TEST_RUN: libc::c_long = 10;
const MAP_LOOKUP_BATCH: libc::c_long = 24;
const PROG_ARRAY: u32 = 3;
const SCHED_CLS: u32 = 3;

/// An attribute block, as long as any of these commands takes it.
#[repr(C, align(8))]
struct Attributes([u8; 128]);

impl Attributes {
    /// Of fields at their offsets.
    fn of(fields: &[(usize, u64, usize)]) -> Self {
        let mut block = Self([0; 128]);
        for &(at, value, len) in fields {
            block.0[at..at + len].copy_from_slice(&value.to_ne_bytes()[..len]);
        }
        block
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.0[at..at + 4].try_into().expect("four"))
    }
}

fn bpf(command: libc::c_long, attributes: &mut Attributes) -> io::Result<RawFd> {
    // SAFETY: what the blocks below point to is alive and as long as they say.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<Attributes>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as RawFd) }
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for us.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn address<T: ?Sized>(of: &T) -> u64 {
    (&raw const *of).cast::<u8>() as u64
}

/// What a test run gave back.
pub(crate) struct Ran {
    pub(crate) action: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Runs a program once on `input`; `context` is changed to the one after.
fn test_run(program: RawFd, input: &[u8], context: &mut [u8]) -> io::Result<Ran> {
    let mut bytes = vec![0; input.len() + 64];
    let (context_at, context_len) = (context.as_mut_ptr() as u64, context.len() as u64);
    let mut attributes = Attributes::of(&[
        (0, program as u64, 4),
        (8, input.len() as u64, 4),
        (12, bytes.len() as u64, 4),
        (16, address(input), 8),
        (24, bytes.as_mut_ptr() as u64, 8),
        (32, 1, 4),
        (40, context_len, 4),
        (44, context_len, 4),
        (48, context_at, 8),
        (56, context_at, 8),
    ]);
    bpf(PROG_TEST_RUN, &mut attributes)?;
    bytes.truncate(attributes.u32(12) as usize);
    Ok(Ran { action: attributes.u32(4), bytes })
}

/// Runs an XDP program on a frame at netdev `ifindex`, with `metadata` in front of it, and if it is not 0 only `linear` bytes outside of
/// fragments. The frame after it, and its metadata.
pub(crate) fn run_xdp(
    program: RawFd,
    ifindex: u32,
    frame: &[u8],
    metadata: &[u8],
    linear: usize,
) -> io::Result<(Ran, Vec<u8>)> {
    let input = [metadata, frame].concat();
    let end = if linear == 0 { input.len() } else { input.len().min(metadata.len() + linear) };
    let mut context = [0; 24];
    for (field, value) in context.chunks_exact_mut(4).zip([metadata.len() as u32, end as u32, 0, ifindex]) {
        field.copy_from_slice(&value.to_ne_bytes());
    }
    let mut ran = test_run(program, &input, &mut context)?;
    let start = u32::from_ne_bytes(context[..4].try_into().expect("four")) as usize;
    let frame = ran.bytes.split_off(start);
    let metadata = std::mem::replace(&mut ran.bytes, frame);
    Ok((ran, metadata))
}

/// A program that puts a tag beside a frame and goes on in another, as the kernel does with a tag that it finds in it.
pub(crate) struct Tagger {
    program: OwnedFd,
    _calls: OwnedFd,
}

/// Offsets in `__sk_buff`.
mod skb {
    pub(super) const IFINDEX: usize = 40;
    pub(super) const CB: usize = 48;
    pub(super) const GSO_SIZE: usize = 176;
    pub(super) const LEN: usize = 192;
}

const fn instruction(code: u8, to: u8, from: u8, offset: i16, number: i32) -> u64 {
    code as u64
        | (to as u64) << 8
        | (from as u64) << 12
        | (offset as u16 as u64) << 16
        | (number as u32 as u64) << 32
}

impl Tagger {
    /// In front of a classifier.
    pub(crate) fn before(program: RawFd) -> io::Result<Self> {
        const CALL: u8 = 0x85;
        const MOVE: u8 = 0xb7;
        const COPY: u8 = 0xbf;
        const LOAD: u8 = 0x61;
        const VLAN_PUSH: i32 = 18;
        const TAIL_CALL: i32 = 12;
        let calls = owned(bpf(
            MAP_CREATE,
            &mut Attributes::of(&[(0, PROG_ARRAY.into(), 4), (4, 4, 4), (8, 4, 4), (12, 1, 4)]),
        )?);
        let cb = skb::CB as i16;
        let code = [
            instruction(COPY, 6, 1, 0, 0),
            // cb[0]: whether there is a tag; cb[1]: which.
            instruction(LOAD, 3, 1, cb, 0),
            instruction(0x15, 3, 0, 3, 0),
            instruction(MOVE, 2, 0, 0, 0x0081),
            instruction(LOAD, 3, 1, cb + 4, 0),
            instruction(CALL, 0, 0, 0, VLAN_PUSH),
            instruction(COPY, 1, 6, 0, 0),
            instruction(0x18, 2, 1, 0, calls.as_raw_fd()),
            0,
            instruction(MOVE, 3, 0, 0, 0),
            instruction(CALL, 0, 0, 0, TAIL_CALL),
            instruction(MOVE, 0, 0, 0, 0x7ff),
            instruction(0x95, 0, 0, 0, 0),
        ];
        let load = [
            (0, SCHED_CLS.into(), 4),
            (4, code.len() as u64, 4),
            (8, address(&code), 8),
            (16, address(c"GPL".to_bytes_with_nul()), 8),
        ];
        let tagger = owned(bpf(PROG_LOAD, &mut Attributes::of(&load))?);
        let (key, value) = (0u32, program);
        let entry = [(0, calls.as_raw_fd() as u64, 4), (8, address(&key), 8), (16, address(&value), 8)];
        bpf(MAP_UPDATE, &mut Attributes::of(&entry))?;
        Ok(Self { program: tagger, _calls: calls })
    }

    /// Runs both on a frame at netdev `ifindex`.
    pub(crate) fn run(&self, ifindex: u32, frame: &[u8], side: Option<u16>, segment: u16) -> io::Result<Ran> {
        let mut context = [0; skb::LEN];
        let mut set = |at: usize, value: u32| context[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        set(skb::IFINDEX, ifindex);
        set(skb::GSO_SIZE, segment.into());
        if let Some(tci) = side {
            set(skb::CB, 1);
            set(skb::CB + 4, tci.into());
        }
        test_run(self.program.as_raw_fd(), frame, &mut context)
    }
}

/// All of a hash of words by words, of `room` entries at most.
pub(crate) fn words(map: RawFd, room: usize) -> io::Result<Vec<(u64, u64)>> {
    let (mut keys, mut values, mut place) = (vec![0u64; room], vec![0u64; room], 0u64);
    let mut attributes = Attributes::of(&[
        (8, (&raw mut place) as u64, 8),
        (16, keys.as_mut_ptr() as u64, 8),
        (24, values.as_mut_ptr() as u64, 8),
        (32, room as u64, 4),
        (36, map as u64, 4),
    ]);
    match bpf(MAP_LOOKUP_BATCH, &mut attributes) {
        Ok(_) => {}
        // That was all.
        Err(why) if why.raw_os_error() == Some(libc::ENOENT) => {}
        Err(why) => return Err(why),
    }
    let count = attributes.u32(32) as usize;
    Ok(keys.into_iter().zip(values).take(count).collect())
}
