//! The checks of a self test.

use super::{Check, Examiner};
use crate::mgmt::cli::server::{Reply, Work};
use crate::process;

/// Golden frames through the running programs.
pub(super) const PROGRAMS: &str = "programs";
/// What must hold between the tables.
pub(super) const TABLES: &str = "tables";
/// Checksums of the flash's files.
pub(super) const FLASH: &str = "flash";

impl Examiner {
    /// The owner's alone: golden frames need a port.
    pub(super) async fn programs(&self) -> Check {
        if !self.board.borrow().status.role.is_master() {
            return Check::skipped(PROGRAMS, "the master's to test");
        }
        match self.ask(Work::GoldenFrames).await {
            Ok(Reply::Done(text)) => Check::of(PROGRAMS, text.lines().map(str::to_owned).collect()),
            Ok(Reply::Failed(why)) => Check::of(PROGRAMS, vec![why]),
            Ok(Reply::Elsewhere(why)) | Err(why) => Check::skipped(PROGRAMS, &why),
        }
    }

    /// What is found twice is there: the owner writes while this is read.
    pub(super) async fn tables(&self) -> Check {
        let Some(observer) = self.board.borrow().observer.clone() else {
            return Check::skipped(TABLES, "they are not open yet");
        };
        let read = tokio::task::spawn_blocking(move || {
            process::patiently(|| match observer.invariants() {
                Ok(first) if first.is_empty() => Ok(first),
                Ok(first) => {
                    let again = observer.invariants()?;
                    Ok(again.into_iter().filter(|finding| first.contains(finding)).collect())
                }
                Err(error) => Err(error),
            })
        });
        match read.await {
            Ok(Ok(findings)) => Check::of(TABLES, findings),
            Ok(Err(error)) => Check::of(TABLES, vec![error.to_string()]),
            Err(error) => Check::of(TABLES, vec![format!("the check itself failed: {error}")]),
        }
    }

    /// Reads every file again.
    pub(super) async fn flash(&self) -> Check {
        let flash = self.flash.clone();
        let read = tokio::task::spawn_blocking(move || process::patiently(|| flash.verify()));
        match read.await {
            Ok(faults) => Check::of(FLASH, faults.iter().map(ToString::to_string).collect()),
            Err(error) => Check::of(FLASH, vec![format!("the check itself failed: {error}")]),
        }
    }
}
