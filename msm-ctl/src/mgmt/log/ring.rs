//! The newest lines, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::Entry;
use super::severity::Severity;

/// A bounded number of lines.
pub(super) struct Ring {
    lines: Mutex<Lines>,
}

struct Lines {
    kept: VecDeque<Arc<Entry>>,
    capacity: usize,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self { lines: Mutex::new(Lines { kept: VecDeque::new(), capacity: capacity.max(1) }) }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut lines = self.lines();
        while lines.kept.len() >= lines.capacity {
            lines.kept.pop_front();
        }
        lines.kept.push_back(entry);
    }

    /// Up to `limit` lines of this severity and above, newest first. Copies no text, since every event waits for it.
    pub(super) fn newest(&self, severity: Severity, limit: usize) -> Vec<Arc<Entry>> {
        let lines = self.lines();
        lines
            .kept
            .iter()
            .rev()
            .filter(|entry| entry.severity <= severity)
            .take(limit)
            .map(Arc::clone)
            .collect()
    }

    /// All, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.lines().kept.iter().map(Arc::clone).collect()
    }

    pub(super) fn clear(&self) {
        self.lines().kept.clear();
    }

    /// Keeps the newest `capacity` lines, at least one.
    pub(super) fn resize(&self, capacity: usize) {
        let mut lines = self.lines();
        lines.capacity = capacity.max(1);
        let over = lines.kept.len().saturating_sub(lines.capacity);
        lines.kept.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Arc<Entry> {
        let severity = if n.is_multiple_of(2) { Severity::Info } else { Severity::Error };
        Arc::new(Entry { at_ms: n, severity, component: String::new(), message: String::new() })
    }

    fn times(lines: &[Arc<Entry>]) -> Vec<u64> {
        lines.iter().map(|entry| entry.at_ms).collect()
    }

    #[test]
    fn the_newest_are_kept_and_come_first() {
        let ring = Ring::new(4);
        (1..=7).for_each(|n| ring.push(entry(n)));
        assert_eq!(times(&ring.all()), [4, 5, 6, 7]);
        assert_eq!(times(&ring.newest(Severity::Debug, 3)), [7, 6, 5]);
        assert_eq!(times(&ring.newest(Severity::Warning, 9)), [7, 5]);
        ring.resize(2);
        assert_eq!(times(&ring.all()), [6, 7]);
        ring.clear();
        assert!(ring.all().is_empty());
    }
}
