//! The history of failovers, from one boot to the next.

use std::sync::Arc;

use msm_proto::{Cause, History};
use tokio::sync::watch;

use super::nvram::Nvram;
use super::writer::Flash;
use crate::msm::board::Board;

/// What nvram knows. The stamps of the last failover are kernel time: they mean nothing after a boot.
pub(crate) fn recall(nvram: &Nvram) -> History {
    let cause = Cause::ALL.into_iter().find(|cause| cause.to_string() == nvram.cause);
    History { cause: cause.unwrap_or_default(), failovers: nvram.failovers, last: None }
}

/// Remembers what the board shows, as often as it changes.
pub(crate) async fn remember(mut board: watch::Receiver<Arc<Board>>, flash: Flash) {
    let mut known = recall(&flash.nvram());
    loop {
        let shown = board.borrow_and_update().status.history;
        if (shown.cause, shown.failovers) != (known.cause, known.failovers) {
            known = shown;
            // The writer says in the log what it could not write; the next change is another try.
            let _ = flash
                .update(move |nvram| {
                    nvram.cause = shown.cause.to_string();
                    nvram.failovers = shown.failovers;
                })
                .done()
                .await;
        }
        if board.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_recalled_by_its_name() {
        for cause in Cause::ALL {
            let nvram = Nvram { cause: cause.to_string(), failovers: 4, ..Nvram::default() };
            assert_eq!(recall(&nvram), History { cause, failovers: 4, last: None });
        }
        let nvram = Nvram { cause: "of another version".into(), ..Nvram::default() };
        assert_eq!(recall(&nvram).cause, Cause::Never);
    }
}
