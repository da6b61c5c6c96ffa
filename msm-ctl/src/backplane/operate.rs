//! Asking the backplane to do something to a card: for `msm-ctl chassis` and for `reboot`. Works with no MSM alive.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use msm_proto::backplane::Operate;
use prost::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::messages::{FromBackplane, MESSAGE_MAX, ToBackplane, Wish, from_backplane, to_backplane};
use super::socket::{self, Heard};
use crate::config::chassis::Chassis;

/// A dead backplane is started again within a second by whichever MSM lives.
const BACK: Duration = Duration::from_secs(3);
/// How often it is looked for.
const RETRY: Duration = Duration::from_millis(20);
/// Longest wait for an answer: a card that is pulled is answered for when its process is dead.
const ANSWER: Duration = Duration::from_secs(10);

/// A wish did not come to its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperateError {
    /// There is nobody to ask.
    #[error(
        "the backplane cannot be asked: {path}: {error}; is the chassis started? msm-ctl chassis --file FILE"
    )]
    Absent {
        /// Its socket.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It went away, or says nothing.
    #[error("the backplane {0}: whether it was done is open; look at `show msm-failover`, then ask again")]
    Silent(String),
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

/// A connection to a backplane that will be asked one thing.
pub(crate) struct Operator(OwnedFd);

impl Operator {
    /// Finds the backplane; waits for one that is being started again.
    ///
    /// # Errors
    /// [`OperateError::Absent`].
    pub(crate) fn connect(chassis: &Chassis) -> Result<Self, OperateError> {
        let path = chassis.backplane_socket();
        let deadline = Instant::now() + BACK;
        loop {
            match socket::connected(&path) {
                Ok(socket) => return Ok(Self(socket)),
                Err(_) if chassis.lock_file().exists() && Instant::now() < deadline => {
                    std::thread::sleep(RETRY);
                }
                Err(error) => return Err(OperateError::Absent { path, error }),
            }
        }
    }

    /// Has it done; what was done.
    ///
    /// # Errors
    /// What [`OperateError`] says.
    pub(crate) fn ask(self, what: Operate) -> Result<String, OperateError> {
        let silent = |error: std::io::Error| OperateError::Silent(format!("does not listen ({error})"));
        let wish = ToBackplane::say(to_backplane::Body::Operate(Wish::of(what)));
        socket::sent(&self.0, &wish).map_err(silent)?;
        let deadline = Instant::now() + ANSWER;
        let mut buffer = [0; MESSAGE_MAX];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(OperateError::Silent(format!("has not answered in {} s", ANSWER.as_secs())));
            }
            let left = Timespec::try_from(left).unwrap_or_default();
            let _ = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&left));
            match socket::heard(&self.0, &mut buffer).map_err(silent)? {
                Heard::Nothing => {}
                Heard::End => return Err(OperateError::Silent("ended before it answered".to_owned())),
                Heard::Message(length) => {
                    let message = buffer.get(..length).and_then(|bytes| FromBackplane::decode(bytes).ok());
                    if let Some(from_backplane::Body::Answer(answer)) =
                        message.and_then(|message| message.body)
                    {
                        return answer.read().map_err(OperateError::Refused);
                    }
                }
            }
        }
    }
}

/// Both at once.
///
/// # Errors
/// As [`Operator::connect`] and [`Operator::ask`].
pub(crate) fn operate(chassis: &Chassis, what: Operate) -> Result<String, OperateError> {
    Operator::connect(chassis)?.ask(what)
}
