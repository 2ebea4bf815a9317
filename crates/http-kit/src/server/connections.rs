//! The places for connections, counted.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections of a server are open, over all its listeners. Clones count the same.
#[derive(Clone, Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    limit: usize,
}

impl Connections {
    /// None yet, and at most `limit`.
    pub(super) fn up_to(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(limit)),
            limit,
        }
    }

    /// A place for one more, until it is dropped; `None` if there is none.
    pub(super) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.limit.saturating_sub(self.places.available_permits())
    }
}
