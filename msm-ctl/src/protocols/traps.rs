//! The task that reads trapped frames and hands them to the actor, for as long as its MSM owns the tree.

use std::time::Duration;

use msm_dataplane::{TrappedFrame, Traps};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tracing::error;

/// How often it is looked whether the tree is still owned, when nothing comes.
const LOOK: Duration = Duration::from_secs(1);

/// Reads until the owner lets go, or nobody hears any more.
pub(crate) async fn read<T: Send + 'static>(
    traps: Traps,
    to: mpsc::Sender<T>,
    wrap: impl Fn(TrappedFrame) -> T + Send,
) {
    // SAFETY: `Traps` keeps its descriptor, the same one, for as long as it lives.
    let source = unsafe { AsyncFd::register_with_interest(traps, Interest::READABLE) };
    let mut source = match source {
        Ok(source) => source,
        Err(refused) => {
            let (_, error) = refused.into_parts();
            error!(target: "msm.lacp", "trapped frames cannot be waited for: {error}");
            return;
        }
    };
    let mut frames = Vec::new();
    loop {
        match source.get_mut().read(&mut |frame| frames.push(frame)) {
            None => return,
            Some(0) => {
                if let Ok(Ok(mut ready)) = tokio::time::timeout(LOOK, source.readable()).await {
                    // The descriptor says it once. What comes from here on says it again; what came before is read next.
                    ready.clear_ready();
                }
            }
            Some(_) => {
                for frame in frames.drain(..) {
                    if to.send(wrap(frame)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
