//! When content was last used, gathered in memory and written behind.
//!
//! A warm pull waits for no database write: it leaves a note here, and a task writes the notes down every few seconds.
//! What a crash loses is a few seconds' worth of recency. On a disk that cannot be written to, notes wait until it can.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forebay_content::{Catalog, Timestamp};
use forebay_oci::Digest;

use crate::health::Health;

/// The most notes held; past that they are dropped, and the content counts as used when it was last noted.
const MAX_NOTES: usize = 100_000;

/// Notes of use.
#[derive(Default)]
pub(crate) struct Recency {
    notes: Mutex<HashMap<Digest, Timestamp>>,
}

impl Recency {
    /// Notes that all of `digests` are used now.
    pub(crate) fn note<'a>(&self, digests: impl IntoIterator<Item = &'a Digest>, now: Timestamp) {
        let mut notes = self.lock();
        for digest in digests {
            if notes.len() < MAX_NOTES || notes.contains_key(digest) {
                notes.insert(digest.clone(), now);
            }
        }
    }

    /// Writes the notes down, and tells how that went: it is the one write that warm pulls cause.
    pub(crate) async fn flush(&self, catalog: &dyn Catalog, health: &Health) {
        let used: Vec<_> = std::mem::take(&mut *self.lock()).into_iter().collect();
        if used.is_empty() {
            return;
        }
        let begun = health.begin();
        match catalog.touch(&used).await {
            Ok(()) => health.catalog_written(begun),
            Err(error) => {
                health.catalog_not_written(&error);
                self.put_back(used);
            }
        }
    }

    /// Notes again what could not be written down. What was noted meanwhile is younger.
    fn put_back(&self, used: Vec<(Digest, Timestamp)>) {
        let mut notes = self.lock();
        for (digest, at) in used {
            if notes.len() < MAX_NOTES {
                notes.entry(digest).or_insert(at);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Timestamp>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
