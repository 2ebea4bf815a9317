//! When content was last used, gathered in memory and written behind.
//!
//! A warm pull waits for no database write: it leaves a note here, and a task writes the notes down every few seconds.
//! What a crash loses is a few seconds' worth of recency.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use forebay_content::{Catalog, Timestamp};
use forebay_oci::Digest;
use tracing::debug;

/// How often the notes are written down.
pub(crate) const FLUSH_EVERY: Duration = Duration::from_secs(5);

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
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in digests {
            if notes.len() < MAX_NOTES || notes.contains_key(digest) {
                notes.insert(digest.clone(), now);
            }
        }
    }

    /// Writes the notes down.
    pub(crate) async fn flush(&self, catalog: &dyn Catalog) {
        let notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        if notes.is_empty() {
            return;
        }
        let used: Vec<_> = notes.into_iter().collect();
        if let Err(error) = catalog.touch(&used).await {
            // Only the order of eviction suffers; a disk that cannot be written to is reported where content is kept.
            debug!(%error, notes = used.len(), "recency was not written down");
        }
    }
}
