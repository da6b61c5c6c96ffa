//! The frames of one capture, as they come, until a bound is reached.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use msm_dataplane::{Capture, CapturedFrame};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

/// Longest capture: nobody forgets one for ever.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Nothing wakes who waits for a ring that was taken away: it looks so often.
const LOOK: Duration = Duration::from_millis(500);

/// When a capture ends by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// After so many frames.
    pub(crate) count: Option<u64>,
    /// After so long, a day at most.
    pub(crate) time: Option<Duration>,
}

/// Why there are no more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As many as asked for.
    Count,
    /// The time is over.
    Time,
    /// The owner let go of the tree, as in a failover, or the ring is another capture's.
    Taken,
}

/// Where frames come from: [`Capture`], and in tests a pipe. Its descriptor is the same, and open, for as long as it lives.
pub(crate) trait Source: AsFd + AsRawFd {
    /// See [`Capture::read`].
    fn take(&mut self, each: &mut dyn FnMut(CapturedFrame)) -> Option<usize>;
}

impl Source for Capture {
    fn take(&mut self, each: &mut dyn FnMut(CapturedFrame)) -> Option<usize> {
        self.read(each)
    }
}

/// See the file's first line. Whoever has it says `Owner::capture_stop` when it ends.
pub(crate) struct Stream<S: Source = Capture> {
    source: AsyncFd<S>,
    /// Taken from the ring and not handed out: one read's worth.
    waiting: VecDeque<CapturedFrame>,
    left: Option<u64>,
    until: Instant,
}

impl<S: Source> Stream<S> {
    /// A stream of what is captured, which began now.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) fn new(source: S, bounds: Bounds) -> io::Result<Self> {
        // SAFETY: a source keeps its descriptor, the same one, for as long as it lives (see `Source`).
        let source = unsafe { AsyncFd::register_with_interest(source, Interest::READABLE) }
            .map_err(|error| error.into_parts().1)?;
        Ok(Self {
            source,
            waiting: VecDeque::new(),
            left: bounds.count,
            until: Instant::now() + bounds.time.unwrap_or(LONGEST).min(LONGEST),
        })
    }

    /// The next frame, or why there is none any more. May be dropped while it waits: no frame goes with it.
    pub(crate) async fn next(&mut self) -> Result<CapturedFrame, End> {
        if self.left == Some(0) {
            return Err(End::Count);
        }
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                self.left = self.left.map(|left| left - 1);
                return Ok(frame);
            }
            // Frames of before the end are handed out after it; those that still come are not.
            if Instant::now() >= self.until {
                return Err(End::Time);
            }
            let waiting = &mut self.waiting;
            match self.source.get_mut().take(&mut |frame| waiting.push_back(frame)) {
                None => return Err(End::Taken),
                Some(0) => self.wait().await?,
                Some(_) => {}
            }
        }
    }

    /// Waits until there may be something to read.
    async fn wait(&mut self) -> Result<(), End> {
        let look = self.until.min(Instant::now() + LOOK);
        match tokio::time::timeout_at(look, self.source.readable()).await {
            Err(_) => Ok(()),
            Ok(Err(_)) => Err(End::Taken),
            Ok(Ok(mut ready)) => {
                // The descriptor says it once. What comes from here on says it again; what came before is read next.
                ready.clear_ready();
                Ok(())
            }
        }
    }

    /// Where the frames come from.
    pub(crate) fn source(&self) -> &S {
        self.source.get_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_abi::CaptureDirection;
    use std::io::{Read, Write};
    use std::os::fd::{BorrowedFd, RawFd};
    use std::os::unix::net::UnixStream;

    /// A byte is a frame.
    struct Pipe(UnixStream);

    impl AsFd for Pipe {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl AsRawFd for Pipe {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }

    impl Source for Pipe {
        fn take(&mut self, each: &mut dyn FnMut(CapturedFrame)) -> Option<usize> {
            let mut bytes = [0; 4];
            match self.0.read(&mut bytes) {
                Ok(0) => None,
                Ok(count) => {
                    for byte in &bytes[..count] {
                        let direction = CaptureDirection::Sent;
                        each(CapturedFrame { time_ns: 0, direction, len: 1, bytes: vec![*byte] });
                    }
                    Some(count)
                }
                Err(_) => Some(0),
            }
        }
    }

    fn pipe(bounds: Bounds) -> (Stream<Pipe>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("set");
        (Stream::new(Pipe(ours), bounds).expect("a runtime"), theirs)
    }

    #[tokio::test]
    async fn it_ends_after_so_many() {
        let (mut stream, mut from) = pipe(Bounds { count: Some(6), time: None });
        for n in 0..3 {
            from.write_all(&[n, n + 10]).expect("room");
            assert_eq!(stream.next().await.map(|frame| frame.bytes), Ok(vec![n]));
            assert_eq!(stream.next().await.map(|frame| frame.bytes), Ok(vec![n + 10]));
        }
        from.write_all(&[9]).expect("room");
        assert_eq!(stream.next().await, Err(End::Count));
    }

    #[tokio::test]
    async fn it_wakes_for_each_and_ends_with_its_source() {
        let (mut stream, mut from) = pipe(Bounds::default());
        let writer = std::thread::spawn(move || {
            for n in 0..100 {
                from.write_all(&[n]).expect("room");
                if n % 7 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..100 {
            assert_eq!(stream.next().await.map(|frame| frame.bytes), Ok(vec![n]));
        }
        writer.join().expect("no panic");
        assert_eq!(stream.next().await, Err(End::Taken));
    }

    #[tokio::test]
    async fn it_ends_in_time() {
        let (mut stream, mut from) = pipe(Bounds { count: None, time: Some(Duration::from_millis(50)) });
        from.write_all(&[1]).expect("room");
        assert!(stream.next().await.is_ok());
        assert_eq!(stream.next().await, Err(End::Time));
    }
}
