//! Netdevs of a network namespace of our own, of which we see what is sent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Longest frame that is read.
const LONGEST: usize = 16_384;

/// This thread in a network namespace of its own, in which no netdev says anything by itself.
pub(crate) fn own_namespace() {
    // SAFETY: takes no pointers; this thread's alone.
    let done = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(done, 0, "a network namespace: {} (are you root?)", io::Error::last_os_error());
    for which in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
        if let Err(why) = fs::write(&path, "1") {
            assert_eq!(why.kind(), io::ErrorKind::NotFound, "{path}: {why}");
        }
    }
}

/// A netdev: what is sent by it, we read.
pub(crate) struct Tap {
    file: File,
    pub(crate) ifindex: u32,
}

impl Tap {
    /// Makes the netdev `name`, and puts it up.
    pub(crate) fn new(name: &str) -> Self {
        let path = "/dev/net/tun";
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .unwrap_or_else(|e| panic!("opening {path}, whose netdevs show what is sent: {e}"));
        // SAFETY: all zeroes is a valid request.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
        let control = |fd: i32, what: libc::Ioctl, request: &mut libc::ifreq| {
            // SAFETY: the request that these calls take, alive.
            let done = unsafe { libc::ioctl(fd, what, &raw mut *request) };
            assert_eq!(done, 0, "making the netdev {name}: {}", io::Error::last_os_error());
        };
        control(file.as_raw_fd(), libc::TUNSETIFF, &mut request);
        // SAFETY: plain numbers.
        let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        assert!(socket >= 0, "a socket: {}", io::Error::last_os_error());
        // SAFETY: the kernel has just made this descriptor for us.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        request.ifr_ifru.ifru_flags = libc::IFF_UP as i16;
        control(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &mut request);
        control(socket.as_raw_fd(), libc::SIOCGIFINDEX, &mut request);
        // SAFETY: the last call has filled it in.
        let ifindex = unsafe { request.ifr_ifru.ifru_ifindex };
        Self { file, ifindex: ifindex.cast_unsigned() }
    }

    /// A frame that was sent.
    fn take(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; LONGEST];
        match self.file.read(&mut frame) {
            Ok(len) => {
                frame.truncate(len);
                Some(frame)
            }
            Err(why) => {
                assert_eq!(why.kind(), io::ErrorKind::WouldBlock, "reading netdev {}: {why}", self.ifindex);
                None
            }
        }
    }
}

/// All frames that were sent since, by index of the netdev; of each in order.
pub(crate) fn sent(taps: &mut [Tap]) -> Vec<(usize, Vec<u8>)> {
    let mut polls: Vec<_> = taps
        .iter()
        .map(|tap| libc::pollfd { fd: tap.file.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    // SAFETY: live entries, as many as said.
    let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, 0) };
    assert!(ready >= 0, "poll: {}", io::Error::last_os_error());
    let mut frames = Vec::new();
    for (index, poll) in polls.iter().enumerate() {
        if poll.revents & libc::POLLIN != 0 {
            frames.extend(std::iter::from_fn(|| taps[index].take()).map(|frame| (index, frame)));
        }
    }
    frames
}
