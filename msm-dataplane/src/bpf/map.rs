//! One map: entries read and written one by one and in batches, by the sizes that the kernel gave for it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::{Attr, MapInfo, Rows, address, address_mut, bpf, map_info, raw};

const MAP_LOOKUP_ELEM: libc::c_long = 1;
const MAP_UPDATE_ELEM: libc::c_long = 2;
const MAP_DELETE_ELEM: libc::c_long = 3;
const MAP_GET_NEXT_KEY: libc::c_long = 4;
const MAP_LOOKUP_BATCH: libc::c_long = 24;
const MAP_UPDATE_BATCH: libc::c_long = 26;

#[repr(C)]
#[derive(Default)]
struct ElemAttr {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}
// SAFETY: the BPF_MAP_*_ELEM attr; the hole before the 8-aligned key is a field.
unsafe impl Attr for ElemAttr {}

#[repr(C)]
#[derive(Default)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}
// SAFETY: the BPF_MAP_*_BATCH attr.
unsafe impl Attr for BatchAttr {}

/// Bytes of the largest cursor of a batched read: a key of ROUTES6.
const CURSOR: usize = 20;

/// A map with the sizes that the kernel gave for it, so that no caller can hand over too small a buffer.
#[derive(Debug)]
pub(crate) struct Map {
    fd: OwnedFd,
    info: MapInfo,
    stride: usize,
    /// Entries in one of the kernel's values.
    row: u32,
}

/// BPF_MAP_TYPE_ARRAY.
const ARRAY: u32 = 2;
/// BPF_MAP_TYPE_PERCPU_*: a value for each possible CPU.
const PER_CPU: [u32; 2] = [5, 6];

impl Map {
    /// Asks the kernel what `fd` is; `cpus` is the number of possible CPUs.
    pub(crate) fn new(fd: OwnedFd, cpus: usize) -> io::Result<Self> {
        let info = map_info(fd.as_fd())?;
        let stride = if PER_CPU.contains(&info.kind) {
            (info.value as usize).next_multiple_of(8) * cpus
        } else {
            info.value as usize
        };
        Ok(Self { fd, info, stride, row: 1 })
    }

    /// An array with `row` entries in each of its values (`msm_abi::MapSpec::row`).
    pub(crate) fn in_rows(mut self, row: u32) -> Self {
        self.row = row;
        self.stride /= row as usize;
        self.info.value /= row;
        self.info.entries *= row;
        self
    }

    /// Its entries, if they are in rows.
    fn rows(&self) -> Option<Rows<'_>> {
        (self.row > 1).then(|| Rows::new(self.fd(), self.stride, self.info.entries))
    }

    /// Another descriptor of the same map, of the same access.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, info: self.info, stride: self.stride, row: self.row })
    }

    pub(crate) const fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Bytes of a value, of all CPUs.
    pub(crate) const fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn attr(&self, key: &[u8], value: u64) -> ElemAttr {
        assert_eq!(key.len(), self.info.key as usize, "the key of another map");
        ElemAttr { map_fd: raw(self.fd()), key: address(key), value, ..ElemAttr::default() }
    }

    /// Copies the value of `key`; false if there is none.
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        assert_eq!(value.len(), self.stride, "the value of another map");
        if let Some(rows) = self.rows() {
            let copied = rows.read(index(key), 1, &mut |_, entry| value.copy_from_slice(entry));
            return absent(copied.map(|()| 0));
        }
        let mut attr = self.attr(key, address_mut(value));
        // SAFETY: key and value have the map's sizes (asserted).
        absent(unsafe { bpf(MAP_LOOKUP_ELEM, &mut attr) })
    }

    /// Writes the value of `key`.
    pub(crate) fn update(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        assert_eq!(value.len(), self.stride, "the value of another map");
        if let Some(rows) = self.rows() {
            return rows.write(&[index(key)], value);
        }
        let mut attr = self.attr(key, address(value));
        // SAFETY: key and value have the map's sizes (asserted).
        unsafe { bpf(MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes `key`; false if it was not there.
    pub(crate) fn delete(&self, key: &[u8]) -> io::Result<bool> {
        let mut attr = self.attr(key, 0);
        // SAFETY: the key has the map's size (asserted).
        absent(unsafe { bpf(MAP_DELETE_ELEM, &mut attr) })
    }

    /// The key after `key` (the first for `None`); `None` at the end.
    pub(crate) fn next_key(&self, key: Option<u32>) -> io::Result<Option<u32>> {
        assert_eq!(self.info.key, 4, "only walked by u32");
        let from = key.map(u32::to_ne_bytes);
        let mut next = [0u8; 4];
        let mut attr = ElemAttr {
            map_fd: raw(self.fd()),
            key: from.as_ref().map_or(0, |k| address(k)),
            value: address_mut(&mut next),
            ..ElemAttr::default()
        };
        // SAFETY: `from` and `next` have four bytes, the map's key size (asserted); a null key asks for the first.
        let found = absent(unsafe { bpf(MAP_GET_NEXT_KEY, &mut attr) })?;
        Ok(found.then(|| u32::from_ne_bytes(next)))
    }

    /// Calls `each` with all entries, `chunk` a system call. Entries that come and go meanwhile may be seen or not; one that stays is
    /// seen at least once.
    pub(crate) fn read(&self, chunk: u32, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        if let Some(rows) = self.rows() {
            return rows.read(0, self.info.entries, &mut |index, value| each(&index.to_ne_bytes(), value));
        }
        let mut chunk = chunk.clamp(1, self.info.entries.max(1));
        let (key, stride) = (self.info.key as usize, self.stride);
        // The cursor is the number of a bucket of a hash, and the last key of any other map: at most this for any map of ours.
        assert!(key <= CURSOR || self.info.kind == 1, "cursor too large");
        let mut keys = vec![0u8; key * chunk as usize];
        let mut values = vec![0u8; stride * chunk as usize];
        let mut cursor: Option<[u8; CURSOR]> = None;
        loop {
            let mut next = [0u8; CURSOR];
            let mut attr = BatchAttr {
                in_batch: cursor.as_ref().map_or(0, |c| address(c)),
                out_batch: address_mut(&mut next),
                keys: address_mut(&mut keys),
                values: address_mut(&mut values),
                count: chunk,
                map_fd: raw(self.fd()),
                ..BatchAttr::default()
            };
            // SAFETY: keys and values hold `count` entries of the map's sizes, the cursors `CURSOR` bytes.
            let result = unsafe { bpf(MAP_LOOKUP_BATCH, &mut attr) };
            let end = match result {
                Ok(_) => false,
                Err(e) if e.raw_os_error() == Some(libc::ENOENT) => true,
                // A hash bucket holds more entries than the buffer: nothing was returned, the cursor stands.
                Err(e) if e.raw_os_error() == Some(libc::ENOSPC) && chunk < self.info.entries => {
                    chunk = chunk.saturating_mul(2).min(self.info.entries);
                    keys.resize(key * chunk as usize, 0);
                    values.resize(stride * chunk as usize, 0);
                    continue;
                }
                Err(e) => return Err(e),
            };
            let count = attr.count.min(chunk) as usize;
            for (k, v) in keys.chunks_exact(key).zip(values.chunks_exact(stride)).take(count) {
                each(k, v);
            }
            if end {
                return Ok(());
            }
            cursor = Some(next);
        }
    }

    /// Calls `each` with the entries `from..from + count` of an array, `chunk` a system call.
    pub(crate) fn read_array(
        &self,
        from: u32,
        count: u32,
        chunk: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        assert_eq!((self.info.kind, self.info.key), (ARRAY, 4), "only arrays begin in the middle");
        if let Some(rows) = self.rows() {
            return rows.read(from, count, each);
        }
        let end = from.checked_add(count).filter(|end| *end <= self.info.entries);
        let end = end.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        let mut keys = vec![0u8; 4 * chunk.min(count) as usize];
        let mut values = vec![0u8; self.stride * chunk.min(count) as usize];
        let mut index = from;
        while index < end {
            let asked = chunk.min(end - index);
            // The kernel goes on behind the cursor's key.
            let cursor = index.checked_sub(1).map(u32::to_ne_bytes);
            let mut next = [0u8; 4];
            let mut attr = BatchAttr {
                in_batch: cursor.as_ref().map_or(0, |c| address(c)),
                out_batch: address_mut(&mut next),
                keys: address_mut(&mut keys),
                values: address_mut(&mut values),
                count: asked,
                map_fd: raw(self.fd()),
                ..BatchAttr::default()
            };
            // SAFETY: keys and values hold `asked` entries of the map's sizes, the cursors four bytes, an array's key.
            match unsafe { bpf(MAP_LOOKUP_BATCH, &mut attr) } {
                Ok(_) => {}
                // The array's last entry is among them.
                Err(e) if e.raw_os_error() == Some(libc::ENOENT) && attr.count == asked => {}
                Err(e) => return Err(e),
            }
            for value in values.chunks_exact(self.stride).take(asked as usize) {
                each(index, value);
                index += 1;
            }
        }
        Ok(())
    }

    /// Writes entries of an array, `count` of them.
    pub(crate) fn update_array(&self, indexes: &[u32], values: &[u8], count: u32) -> io::Result<()> {
        if let Some(rows) = self.rows() {
            return rows.write(indexes, values);
        }
        let keys: Vec<u8> = indexes.iter().flat_map(|index| index.to_ne_bytes()).collect();
        self.update_batch(&keys, values, count)
    }

    /// Writes `count` entries at once (one grace period, where a map of maps needs them); the number written.
    pub(crate) fn update_batch(&self, keys: &[u8], values: &[u8], count: u32) -> io::Result<()> {
        assert_eq!(keys.len(), self.info.key as usize * count as usize, "keys of another map");
        assert_eq!(values.len(), self.stride * count as usize, "values of another map");
        if let Some(rows) = self.rows() {
            return rows.write(&keys.chunks_exact(4).map(index).collect::<Vec<_>>(), values);
        }
        let mut attr = BatchAttr {
            keys: address(keys),
            values: address(values),
            count,
            map_fd: raw(self.fd()),
            ..BatchAttr::default()
        };
        // SAFETY: keys and values hold `count` entries of the map's sizes (asserted).
        unsafe { bpf(MAP_UPDATE_BATCH, &mut attr) }.map(drop)
    }
}

/// The key of an array.
fn index(key: &[u8]) -> u32 {
    u32::from_ne_bytes(key.try_into().expect("an array's key has four bytes"))
}

/// ENOENT is an answer, not an error.
fn absent(result: io::Result<libc::c_long>) -> io::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(e) if e.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(e) => Err(e),
    }
}
