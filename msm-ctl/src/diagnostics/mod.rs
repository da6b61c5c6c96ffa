//! Diagnostics: the self test of an MSM, at once (`run diagnostics`) and repeated, and what its last run found.

mod checks;
mod health;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info};

pub(crate) use health::repeat;

use crate::flash::Flash;
use crate::mgmt::cli::server::{Job, Reply, Work};
use crate::mgmt::log;
use crate::msm::board::Board;

/// How one check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    /// `programs`, `tables`, `flash`
    pub(crate) name: String,
    /// `passed`, `failed`, `not run`
    pub(crate) result: String,
    /// What is wrong, or why it was not run.
    pub(crate) findings: Vec<String>,
}

/// What a self test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Diagnosis {
    /// When it ended, wall clock.
    pub(crate) at: String,
    /// An MSM that fails so cannot be trusted with the forwarding plane.
    pub(crate) failed: bool,
    /// Every check.
    pub(crate) checks: Vec<Check>,
}

impl Check {
    fn of(name: &str, findings: Vec<String>) -> Self {
        let result = if findings.is_empty() { "passed" } else { "failed" };
        Self { name: name.to_owned(), result: result.to_owned(), findings }
    }

    fn skipped(name: &str, why: &str) -> Self {
        Self { name: name.to_owned(), result: "not run".to_owned(), findings: vec![why.to_owned()] }
    }

    fn has_failed(&self) -> bool {
        self.result == "failed"
    }
}

/// Examines this MSM. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Examiner {
    board: watch::Receiver<Arc<Board>>,
    jobs: mpsc::Sender<Job>,
    flash: Flash,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// A fault is to be found (`debug diagnostics fail`).
    injected: bool,
    last: Option<Diagnosis>,
}

impl Examiner {
    pub(crate) fn new(board: watch::Receiver<Arc<Board>>, jobs: mpsc::Sender<Job>, flash: Flash) -> Self {
        Self { board, jobs, flash, memory: Arc::default() }
    }

    /// What the last self test found.
    pub(crate) fn last(&self) -> Option<Diagnosis> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// The next self tests find a fault, or find what there is.
    pub(crate) fn inject(&self, fault: bool) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).injected = fault;
    }

    /// Runs every check, and has the actor told if this MSM fails.
    pub(crate) async fn examine(&self) -> Diagnosis {
        let mut checks = vec![self.programs().await, self.tables().await, self.flash().await];
        if self.memory.lock().unwrap_or_else(PoisonError::into_inner).injected {
            checks.push(Check::of("injected fault", vec!["debug diagnostics fail".to_owned()]));
        }
        // A file that cannot be read again keeps no frame from its way: it is told, and this MSM goes on.
        let failed = checks.iter().any(|check| check.has_failed() && check.name != checks::FLASH);
        let diagnosis = Diagnosis { at: log::stamp(SystemTime::now()), failed, checks };
        self.tell(&diagnosis).await;
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).last = Some(diagnosis.clone());
        diagnosis
    }

    async fn tell(&self, diagnosis: &Diagnosis) {
        let failed = |check: &&Check| check.has_failed();
        for check in diagnosis.checks.iter().filter(failed) {
            for finding in &check.findings {
                error!(target: "msm.diagnostics", "{}: {finding}", check.name);
            }
        }
        let before = self.last().is_some_and(|last| last.checks.iter().any(Check::has_failed));
        if before && !diagnosis.checks.iter().any(Check::has_failed) {
            info!(target: "msm.diagnostics", "every check passes again");
        }
        if diagnosis.failed {
            let names: Vec<_> = diagnosis.checks.iter().filter(failed).map(|check| &*check.name).collect();
            let text = names.join(", ");
            // The reset, if there is one, may come before the reply.
            let _ = self.ask(Work::DiagnosticsFailed(text)).await;
        } else {
            let _ = self.ask(Work::DiagnosticsPassed).await;
        }
    }

    /// Has the actor do something.
    async fn ask(&self, work: Work) -> Result<Reply, String> {
        let (reply, answered) = oneshot::channel();
        let job = Job { id: crate::msm::random(), work, who: "diagnostics".to_owned(), reply };
        self.jobs.send(job).await.map_err(|_| "this MSM is ending".to_owned())?;
        answered.await.map_err(|_| "this MSM is ending".to_owned())
    }
}
