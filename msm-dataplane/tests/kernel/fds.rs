//! Maps and their descriptors as the kernel tells of them, past the crate under test.

use std::{
    collections::BTreeSet,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use msm_dataplane::{OwnerName, store::Table};

use crate::bed::Bed;

const MAP_CREATE: i64 = 0;
const MAP_UPDATE_ELEM: i64 = 2;
const OBJ_PIN: i64 = 6;

/// A pinned map opened for writing behind the owner's back, by aya.
pub(crate) fn pinned(path: &Path) -> aya::maps::MapData {
    aya::maps::MapData::from_pin(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// This process's descriptors of the maps of one tree. Other tests run beside in the same process, with maps of other ids.
pub(crate) struct MapFds {
    ids: BTreeSet<u32>,
}

impl MapFds {
    pub(crate) fn of(bed: &Bed, owner: &OwnerName) -> Self {
        let id = |t: Table| pinned(&bed.dir(owner).join(t.name())).info().expect("information").id();
        Self { ids: Table::ALL.map(id).into() }
    }

    /// Descriptors whose fdinfo says one of our maps, and this access mode.
    fn with(&self, access: u32) -> Vec<i32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc/self/fd").expect("listed").flatten() {
            let Some(fd) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
            // Descriptors of other tests come and go meanwhile.
            let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else { continue };
            let field = |name| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let id = field("map_id:").and_then(|id| id.parse().ok());
            let flags =
                field("flags:").and_then(|flags| u32::from_str_radix(flags, 8).ok()).unwrap_or(u32::MAX);
            if id.is_some_and(|id: u32| self.ids.contains(&id)) && flags & libc::O_ACCMODE as u32 == access {
                found.push(fd);
            }
        }
        found
    }

    pub(crate) fn writable(&self) -> Vec<i32> {
        self.with(libc::O_RDWR as u32)
    }

    pub(crate) fn readable(&self) -> Vec<i32> {
        self.with(libc::O_RDONLY as u32)
    }
}

/// errno of an update of entry 0 through a descriptor; `None` if it was written.
pub(crate) fn update_first_entry(fd: i32) -> Option<i32> {
    #[repr(C)]
    struct Elem {
        fd: u32,
        pad: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let (key, value) = ([0u8; 16], [0u8; 65_536]);
    let attr = Elem {
        fd: fd.cast_unsigned(),
        pad: 0,
        key: key.as_ptr() as u64,
        value: value.as_ptr() as u64,
        flags: 0,
    };
    // SAFETY: it reads at most a key of 16 bytes and a value of 264, or of 256 a CPU: there is more.
    let done = unsafe { libc::syscall(libc::SYS_bpf, MAP_UPDATE_ELEM, &raw const attr, size_of::<Elem>()) };
    (done < 0).then(|| io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// Makes an array that is nothing of ours, and pins it.
pub(crate) fn pin_other_map(path: &Path, entries: u32) {
    #[repr(C)]
    struct Create {
        kind: u32,
        key: u32,
        value: u32,
        entries: u32,
        flags: u32,
    }
    #[repr(C)]
    struct Pin {
        path: u64,
        fd: u32,
        flags: u32,
    }
    const ARRAY: u32 = 2;
    let create = Create { kind: ARRAY, key: 4, value: 16, entries, flags: 0 };
    // SAFETY: it reads the five words of `create`.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, MAP_CREATE, &raw const create, size_of::<Create>()) };
    assert!(fd >= 0, "a map: {}", io::Error::last_os_error());
    // SAFETY: the kernel has just made this descriptor for us.
    let fd = unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor")) };
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("a plain path");
    let pin = Pin { path: path.as_ptr() as u64, fd: fd.as_raw_fd().cast_unsigned(), flags: 0 };
    // SAFETY: it reads `pin` and the C string that it points to.
    let done = unsafe { libc::syscall(libc::SYS_bpf, OBJ_PIN, &raw const pin, size_of::<Pin>()) };
    assert_eq!(done, 0, "pinned: {}", io::Error::last_os_error());
}
