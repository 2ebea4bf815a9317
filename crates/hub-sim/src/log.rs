//! The log of all requests, and whoever waits for more.
//!
//! A record is begun when a request arrives and amended when its answer is known and when it has gone out.

use crate::gate::PATIENCE;
use crate::record::{Record, Requests, Violation};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// So many requests are remembered; the oldest are forgotten first.
const MAX_RECORDS: usize = 500_000;
/// So many finished requests wait for a slow follower.
const MAX_UNREAD: usize = 10_000;

/// All records, and whoever waits for more.
#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Records>,
    changed: watch::Sender<u64>,
    finished: Mutex<Option<mpsc::Sender<Record>>>,
}

#[derive(Debug, Default)]
struct Records {
    kept: VecDeque<Record>,
    violations: Vec<Violation>,
    next: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            changed: watch::Sender::new(0),
            finished: Mutex::default(),
        }
    }
}

impl Log {
    /// Begins a record and returns its number.
    pub(crate) fn begin(&self, mut record: Record, violation: Option<&'static str>) -> u64 {
        let number = {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let number = records.next;
            records.next += 1;
            record.number = number;
            if let Some(what) = violation {
                let request = record.clone();
                records.violations.push(Violation { what, request });
            }
            if records.kept.len() >= MAX_RECORDS {
                records.kept.pop_front();
            }
            records.kept.push_back(record);
            number
        };
        self.changed.send_modify(|version| *version += 1);
        number
    }

    /// Changes the record with this number, if it is still there.
    pub(crate) fn amend(&self, number: u64, change: impl FnOnce(&mut Record)) {
        {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(at) = records
                .kept
                .binary_search_by_key(&number, |record| record.number)
            {
                change(&mut records.kept[at]);
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn find(&self, number: u64) -> Option<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let at = records
            .kept
            .binary_search_by_key(&number, |record| record.number)
            .ok()?;
        records.kept.get(at).cloned()
    }

    pub(crate) fn snapshot(&self) -> Requests {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Requests(records.kept.iter().cloned().collect())
    }

    pub(crate) fn count(&self, matches: impl Fn(&Record) -> bool) -> usize {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.kept.iter().filter(|record| matches(record)).count()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.violations.clone()
    }

    pub(crate) fn clear(&self) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.kept.clear();
        records.violations.clear();
    }

    /// Waits until `n` records match; false when that takes longer than 30 seconds.
    pub(crate) async fn wait(&self, n: usize, matches: impl Fn(&Record) -> bool) -> bool {
        let mut watcher = self.changed.subscribe();
        let enough = watcher.wait_for(|_| self.count(&matches) >= n);
        tokio::time::timeout(PATIENCE, enough).await.is_ok()
    }

    /// Tells of the record with this number, whose answer has gone out, to whoever follows.
    pub(crate) fn finish(&self, number: u64) {
        let follower = self
            .finished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(follower) = follower
            && let Some(record) = self.find(number)
        {
            // A reader that has fallen behind or gone misses a line; no client waits for it.
            let _ = follower.try_send(record);
        }
    }

    pub(crate) fn follow(&self) -> mpsc::Receiver<Record> {
        let (sender, receiver) = mpsc::channel(MAX_UNREAD);
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}
