//! The bpf(2) system call: the only unsafe code of this crate, one contract a block.
//!
//! aya reuses a pinned map without looking at it and cannot ask for read-only descriptors (0.14), so that everything about
//! pins is done here. Layouts are those of `union bpf_attr` and `struct bpf_*_info` in include/uapi/linux/bpf.h; the kernel takes
//! a shorter attr or info than its own (the rest counts as zero).

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

mod map;
mod ring;
mod rows;

pub(crate) use map::Map;
pub(crate) use ring::Ring;
pub(crate) use rows::Rows;

/// Entries are made when they are needed.
pub(crate) const F_NO_PREALLOC: u32 = 1;
/// Open for reading only: the kernel answers a write with EPERM.
pub(crate) const F_RDONLY: u32 = 1 << 3;
/// The programs may not write; the kernel sets it on devmaps by itself.
pub(crate) const F_RDONLY_PROG: u32 = 1 << 7;
/// Its values may be mapped.
pub(crate) const F_MMAPABLE: u32 = 1 << 10;
/// BPF_MAP_TYPE_DEVMAP_HASH.
pub(crate) const DEVMAP_HASH: u32 = 25;

const MAP_CREATE: libc::c_long = 0;
const OBJ_PIN: libc::c_long = 6;
const OBJ_GET: libc::c_long = 7;
const PROG_TEST_RUN: libc::c_long = 10;
const MAP_GET_FD_BY_ID: libc::c_long = 14;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const LINK_CREATE: libc::c_long = 28;
const LINK_DETACH: libc::c_long = 34;

/// enum bpf_attach_type
const ATTACH_XDP: u32 = 37;
const ATTACH_TCX_INGRESS: u32 = 46;
/// enum bpf_link_type
pub(crate) const LINK_TYPE_XDP: u32 = 6;
pub(crate) const LINK_TYPE_TCX: u32 = 11;
/// XDP in the driver or not at all.
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// A kernel `attr` of bpf(2): plain integers, addresses among them.
///
/// # Safety
/// The type is `repr(C)`, has no padding that is not a zeroed field, and begins as `union bpf_attr` does for the command
/// that it is used with.
unsafe trait Attr {}

#[repr(C)]
#[derive(Default)]
struct CreateAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    name: [u8; 16],
    ifindex: u32,
}
// SAFETY: u32 and bytes only; the first fields of the BPF_MAP_CREATE attr.
unsafe impl Attr for CreateAttr {}

#[repr(C)]
#[derive(Default)]
struct ObjAttr {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}
// SAFETY: the BPF_OBJ_* attr.
unsafe impl Attr for ObjAttr {}

#[repr(C)]
#[derive(Default)]
struct InfoAttr {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}
// SAFETY: the BPF_OBJ_GET_INFO_BY_FD attr.
unsafe impl Attr for InfoAttr {}

#[repr(C)]
#[derive(Default)]
struct IdAttr {
    id: u32,
    next_id: u32,
    open_flags: u32,
}
// SAFETY: the BPF_*_GET_FD_BY_ID attr; that of BPF_LINK_DETACH is its first word.
unsafe impl Attr for IdAttr {}

#[repr(C)]
#[derive(Default)]
struct LinkAttr {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}
// SAFETY: the BPF_LINK_CREATE attr.
unsafe impl Attr for LinkAttr {}

/// The first fields of the BPF_PROG_TEST_RUN attr.
#[repr(C)]
#[derive(Default)]
struct TestRunAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    pad: u32,
}
// SAFETY: numbers only.
unsafe impl Attr for TestRunAttr {}

/// Runs a program once on `data`, as if it had come in by the loopback of the caller's namespace; its answer. Nothing is sent.
pub(crate) fn prog_test_run(prog: BorrowedFd<'_>, data: &[u8]) -> io::Result<u32> {
    let mut attr = TestRunAttr {
        prog_fd: raw(prog),
        data_size_in: u32::try_from(data.len()).map_err(io::Error::other)?,
        data_in: address(data),
        repeat: 1,
        ..TestRunAttr::default()
    };
    // SAFETY: `data` is read for as long as it is; nothing is written, for there is no room for an output.
    unsafe { bpf(PROG_TEST_RUN, &mut attr) }?;
    Ok(attr.retval)
}

/// Calls bpf(2).
///
/// # Safety
/// Every address in `attr` is valid for what the command reads or writes there: keys and values of the map's own sizes times
/// the count, for the time of the call.
unsafe fn bpf<A: Attr>(command: libc::c_long, attr: &mut A) -> io::Result<libc::c_long> {
    // SAFETY: `attr` is a live Attr of its own size; the addresses in it are the caller's promise.
    let ret = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if ret < 0 { Err(io::Error::last_os_error()) } else { Ok(ret) }
}

/// Takes the descriptor that a command has answered with.
fn owned(ret: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(ret).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor (close-on-exec) for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn address<T>(bytes: &[T]) -> u64 {
    bytes.as_ptr() as u64
}

fn address_mut<T>(bytes: &mut [T]) -> u64 {
    bytes.as_mut_ptr() as u64
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
}

/// Opens the map, program or link pinned at `path`; `flags` is 0 or, for maps, [`F_RDONLY`].
pub(crate) fn obj_get(path: &Path, flags: u32) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let mut attr =
        ObjAttr { pathname: address(path.as_bytes_with_nul()), file_flags: flags, ..ObjAttr::default() };
    // SAFETY: `path` is a live C string.
    owned(unsafe { bpf(OBJ_GET, &mut attr) }?)
}

/// Pins `fd` at `path`, which must not exist.
pub(crate) fn obj_pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr =
        ObjAttr { pathname: address(path.as_bytes_with_nul()), bpf_fd: raw(fd), ..ObjAttr::default() };
    // SAFETY: `path` is a live C string.
    unsafe { bpf(OBJ_PIN, &mut attr) }.map(drop)
}

/// First words of `struct bpf_map_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MapInfo {
    pub(crate) kind: u32,
    pub(crate) id: u32,
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) entries: u32,
    pub(crate) flags: u32,
}

/// `N` words of the kernel's information about `fd`.
fn info<const N: usize>(fd: BorrowedFd<'_>) -> io::Result<[u32; N]> {
    let mut words = [0u32; N];
    let mut attr =
        InfoAttr { bpf_fd: raw(fd), info_len: size_of_val(&words) as u32, info: address_mut(&mut words) };
    // SAFETY: the kernel writes at most `info_len` bytes to `words`.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }?;
    Ok(words)
}

/// Type, sizes and flags of a map.
pub(crate) fn map_info(fd: BorrowedFd<'_>) -> io::Result<MapInfo> {
    let [kind, id, key, value, entries, flags] = info::<6>(fd)?;
    Ok(MapInfo { kind, id, key, value, entries, flags })
}

/// Id of a program.
pub(crate) fn prog_id(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let [_kind, id] = info::<2>(fd)?;
    Ok(id)
}

/// What an XDP or tcx link is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkInfo {
    /// The program's id.
    pub(crate) program: u32,
    /// The netdev; 0 when it is gone.
    pub(crate) ifindex: u32,
}

/// Information about a link; InvalidData if it is not of this type.
pub(crate) fn link_info(fd: BorrowedFd<'_>, expected: u32) -> io::Result<LinkInfo> {
    // struct bpf_link_info: type, id, prog_id, a hole (the union is 8-aligned), xdp.ifindex or tcx.ifindex.
    let [kind, _id, program, _hole, ifindex] = info::<5>(fd)?;
    if kind != expected {
        let why = format!("link type {kind}, expected {expected}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(LinkInfo { program, ifindex })
}

/// Attaches `prog` to a netdev of the calling thread's network namespace, in the driver.
pub(crate) fn link_create_xdp(prog: BorrowedFd<'_>, ifindex: u32) -> io::Result<OwnedFd> {
    let mut attr = LinkAttr {
        prog_fd: raw(prog),
        target_ifindex: ifindex,
        attach_type: ATTACH_XDP,
        flags: XDP_FLAGS_DRV_MODE,
    };
    // SAFETY: no addresses.
    owned(unsafe { bpf(LINK_CREATE, &mut attr) }?)
}

/// Attaches `prog` to tcx ingress of a netdev of the calling thread's network namespace, behind what is there.
pub(crate) fn link_create_tcx(prog: BorrowedFd<'_>, ifindex: u32) -> io::Result<OwnedFd> {
    let mut attr =
        LinkAttr { prog_fd: raw(prog), target_ifindex: ifindex, attach_type: ATTACH_TCX_INGRESS, flags: 0 };
    // SAFETY: no addresses.
    owned(unsafe { bpf(LINK_CREATE, &mut attr) }?)
}

/// Whether the kernel knows tcx links (Linux 6.6): it then looks for netdev 0 (tcx_link_attach in kernel/bpf/tcx.c, ENODEV), where an older
/// one does not know the attach type (EINVAL).
pub(crate) fn has_tcx(prog: BorrowedFd<'_>) -> bool {
    link_create_tcx(prog, 0).is_err_and(|e| e.raw_os_error() == Some(libc::ENODEV))
}

/// Takes the program off the netdev at once; the pin of the link stays, dead. (Removing the pin does the same, but some time
/// later: fs/bpf frees the inode after a grace period, and a new attach would find the netdev occupied.)
pub(crate) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = IdAttr { id: raw(link), ..IdAttr::default() };
    // SAFETY: no addresses; the attr begins with the link's descriptor.
    unsafe { bpf(LINK_DETACH, &mut attr) }.map(drop)
}

/// Makes an empty devmap hash: u32 to {ifindex, program}.
pub(crate) fn create_devmap_hash(name: &str, entries: u32) -> io::Result<OwnedFd> {
    let mut attr = CreateAttr {
        map_type: DEVMAP_HASH,
        key_size: 4,
        value_size: 8,
        max_entries: entries,
        ..CreateAttr::default()
    };
    for (to, from) in attr.name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: no addresses.
    owned(unsafe { bpf(MAP_CREATE, &mut attr) }?)
}

/// A descriptor of the map with this id.
pub(crate) fn map_by_id(id: u32, flags: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, open_flags: flags, ..IdAttr::default() };
    // SAFETY: no addresses.
    owned(unsafe { bpf(MAP_GET_FD_BY_ID, &mut attr) }?)
}
