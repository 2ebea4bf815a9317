//! A gate at which requests wait until the test opens it.
//!
//! This is what tests use where they would otherwise sleep.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A test that waits longer than this for something to happen has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A gate, closed until opened. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    inner: Arc<watch::Sender<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    open: bool,
    reached: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self {
            inner: Arc::new(watch::Sender::new(Waiting::default())),
        }
    }

    /// Lets through all who wait and all who come later.
    pub fn open(&self) {
        self.inner.send_modify(|waiting| waiting.open = true);
    }

    /// How many requests have come to the gate so far.
    pub fn count(&self) -> usize {
        self.inner.borrow().reached
    }

    /// Returns when `n` requests have come to the gate.
    ///
    /// # Panics
    /// When they do not come within 30 seconds: the test has failed.
    pub async fn reached(&self, n: usize) {
        let mut watcher = self.inner.subscribe();
        let came = tokio::time::timeout(PATIENCE, watcher.wait_for(|waiting| waiting.reached >= n));
        let in_time = came.await.is_ok();
        assert!(
            in_time,
            "only {} of {n} requests reached the gate",
            self.count()
        );
    }

    pub(crate) async fn pass(&self) {
        let mut watcher = self.inner.subscribe();
        self.inner.send_modify(|waiting| waiting.reached += 1);
        // The sender lives in self, so this waits for the opening and cannot fail before it.
        let _ = watcher.wait_for(|waiting| waiting.open).await;
    }
}
