//! An alert on its way to all webhooks, and what becomes of it.
//!
//! It has reached somebody once one webhook took it. Once the last courier has let go of it and none has, it is lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_content::{Alert, Settled};
use tokio::sync::Notify;

/// The most that is remembered of what became of alerts, for whoever asks; beyond it the oldest go.
const MAX_SETTLED: usize = 1_024;

/// An alert that is being carried.
pub(crate) struct Letter {
    pub(crate) alert: Alert,
    is_taken: AtomicBool,
    has_reached: AtomicBool,
    outcomes: Arc<Outcomes>,
}

/// What became of alerts, until somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    settled: Mutex<VecDeque<Settled>>,
    changed: Notify,
}

impl Letter {
    pub(crate) fn new(alert: &Alert, outcomes: &Arc<Outcomes>) -> Arc<Self> {
        Arc::new(Self {
            alert: alert.clone(),
            is_taken: AtomicBool::new(false),
            has_reached: AtomicBool::new(false),
            outcomes: Arc::clone(outcomes),
        })
    }

    /// A courier took it over.
    pub(crate) fn note_taken(&self) {
        self.is_taken.store(true, Ordering::Release);
    }

    /// Whether any courier took it over.
    pub(crate) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    /// A webhook took it.
    pub(crate) fn note_reached(&self) {
        if !self.has_reached.swap(true, Ordering::AcqRel) {
            self.settle(true);
        }
    }

    fn settle(&self, has_reached: bool) {
        self.outcomes.add(Settled {
            kind: self.alert.kind,
            subject: self.alert.subject.clone(),
            has_reached,
        });
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if self.is_taken() && !self.has_reached.load(Ordering::Acquire) {
            self.settle(false);
        }
    }
}

impl Outcomes {
    /// Waits until there are some, and takes them.
    pub(crate) async fn take(&self) -> Vec<Settled> {
        loop {
            // Before the look, so that what comes in between wakes it.
            let changed = self.changed.notified();
            let settled: Vec<_> = self.settled().drain(..).collect();
            if !settled.is_empty() {
                return settled;
            }
            changed.await;
        }
    }

    fn add(&self, settled: Settled) {
        {
            let mut all = self.settled();
            if all.len() >= MAX_SETTLED {
                all.pop_front();
            }
            all.push_back(settled);
        }
        self.changed.notify_one();
    }

    fn settled(&self) -> MutexGuard<'_, VecDeque<Settled>> {
        // It is whole between any two statements that can panic.
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
