//! A capture from the owner's side: its ring, its end, its heirs.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use msm_abi::CaptureDirection;
use msm_dataplane::{Capture, CaptureError, CapturedFrame, MsmSlot};

use crate::{
    bed::{Bed, run},
    contract::{self, PORTS, ifindex},
    over_bed_with_ports,
};

/// Sends a frame from the host's end of a port.
fn send(lport: u16, frame: &[u8]) {
    // SAFETY: a plain system call.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0, "a socket: {}", io::Error::last_os_error());
    // SAFETY: the kernel has just made this descriptor for us.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let to = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: 0,
        sll_ifindex: ifindex(lport) as i32 + 20_000,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    // SAFETY: frame and address are live and of the lengths given.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            frame.as_ptr().cast(),
            frame.len(),
            0,
            (&raw const to).cast(),
            size_of_val(&to) as libc::socklen_t,
        )
    };
    assert_eq!(sent, frame.len() as isize, "sent: {}", io::Error::last_os_error());
}

/// A broadcast that nobody else sends here.
fn frame(n: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 0x77, 0x88, 0xb5, n]);
    frame.resize(1514, n);
    frame
}

/// Waits for a frame that says `n`; the kernel's own (IPv6) are passed over.
fn wait(capture: &mut Capture, n: u8) -> CapturedFrame {
    for _ in 0..100 {
        let mut found = None;
        let taken = capture.read(&mut |captured| {
            if captured.bytes[12..15] == [0x88, 0xb5, n] {
                found = Some(captured);
            }
        });
        if let Some(found) = found {
            return found;
        }
        if taken.expect("it goes on") == 0 {
            let mut poll = libc::pollfd { fd: capture.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one live pollfd.
            let ready = unsafe { libc::poll(&raw mut poll, 1, 5000) };
            assert_eq!(ready, 1, "the next frame wakes");
        }
    }
    panic!("frame {n} is not there");
}

#[test]
fn a_capture_has_one_reader_and_ends_with_its_owner() {
    over_bed_with_ports(|bed: &Bed, mut owner, desired| {
        for lport in PORTS {
            // A veth takes redirected frames when its peer has GRO.
            run("ethtool", &["-K", &format!("h{}", ifindex(lport)), "gro", "on"]);
        }
        assert_eq!(owner.captured(), None);
        let mut capture = owner.capture_start(1).expect("begun");
        assert!(matches!(owner.capture_start(0), Err(CaptureError::Busy(1))));
        assert_eq!(owner.reconcile(&desired).expect("reconciled").writes, 0, "a capture is no difference");
        for n in 0..20 {
            send(0, &frame(n));
            let seen = wait(&mut capture, n);
            assert_eq!((seen.direction, seen.len, seen.bytes), (CaptureDirection::Sent, 1514, frame(n)));
        }
        send(1, &frame(99));
        assert_eq!(wait(&mut capture, 99).direction, CaptureDirection::Received);
        assert_eq!(capture.lost().expect("read"), 0);

        owner.capture_stop().expect("stopped");
        assert_eq!(owner.captured(), None);
        while capture.read(&mut |_| {}).expect("what is left can be read") > 0 {}
        send(0, &frame(100));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(capture.read(&mut |_| {}), Some(0), "nothing more");

        // Another one; the first is over.
        let mut second = owner.capture_start(0).expect("begun");
        assert_eq!(capture.read(&mut |_| {}), None);
        send(0, &frame(101));
        assert_eq!(wait(&mut second, 101).direction, CaptureDirection::Received);

        // The owner goes in mid-capture: its reader holds nothing, and the next one ends the recording.
        let name = owner.release();
        assert_eq!(second.read(&mut |_| {}), None);
        let mut owner = bed.tree().take(&name, MsmSlot::B).expect("taken");
        assert_ne!(owner.observer().plane_config().expect("read").capture, 0);
        assert_eq!(owner.reconcile(&desired).expect("reconciled").writes, 1);
        assert_eq!(owner.observer().plane_config().expect("read").capture, 0);
        assert_eq!(owner.reconcile(&contract::desired()).expect("reconciled").writes, 0);
    });
}
