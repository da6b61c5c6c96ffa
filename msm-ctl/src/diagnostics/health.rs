//! The self test, repeated while the configuration asks for it (`enable sys-health-check`), and made when the backplane does not trust this
//! MSM's fabric.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Examiner;
use crate::msm::board::Board;

/// Examines at the configured pace, until the process ends. A change of pace counts from the last self test.
pub(crate) async fn repeat(examiner: Examiner, mut board: watch::Receiver<Arc<Board>>) {
    let mut last = Instant::now();
    let mut asked = false;
    loop {
        let (health, broken) = {
            let board = board.borrow_and_update();
            (board.config.config.health, board.fabric_failed)
        };
        if broken && !std::mem::replace(&mut asked, broken) {
            drop(examiner.examine().await);
            last = Instant::now();
            continue;
        }
        asked = broken;
        let due = last + Duration::from_secs(health.interval.into());
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(due), if health.enabled => {
                drop(examiner.examine().await);
                last = Instant::now();
            }
        }
    }
}
