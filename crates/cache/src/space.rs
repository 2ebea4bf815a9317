//! Keeps what is at rest within its size: the content that was not used for longest goes first.
//!
//! A pull in flight is not broken: whoever serves a manifest notes the use of its blobs, so that they are the last to go,
//! and what a reader has open stays readable. Room is made before a fill begins and down to a low mark, so that not every
//! fill must wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::{BlobError, Event, Object, Usage};
use tokio::sync::Mutex;
use tracing::info;

use crate::kept::Kept;

/// After an eviction at most so many percent of the size are used.
const LOW_MARK_PERCENT: u64 = 90;

/// Content used within this time is part of a pull that may be in flight, and stays.
const IN_FLIGHT: Duration = Duration::from_mins(1);

/// How many objects one step of an eviction takes.
const STEP_OBJECTS: u32 = 64;

/// No limit.
const UNLIMITED: u64 = u64::MAX;

/// The size of what is at rest, and its bound.
pub(crate) struct Space {
    max_bytes: AtomicU64,
    bytes: AtomicU64,
    /// One eviction at a time: two would each count the other's room as its own.
    evicting: Mutex<()>,
}

impl Space {
    pub(crate) fn new(max_bytes: Option<u64>, usage: Usage) -> Self {
        let max_bytes = AtomicU64::new(max_bytes.unwrap_or(UNLIMITED));
        Self {
            max_bytes,
            bytes: AtomicU64::new(usage.bytes),
            evicting: Mutex::new(()),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_max_bytes(&self, max_bytes: Option<u64>) {
        self.max_bytes
            .store(max_bytes.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        Some(self.max_bytes()).filter(|bytes| *bytes != UNLIMITED)
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn max_bytes(&self) -> u64 {
        self.max_bytes.load(Ordering::Relaxed)
    }

    fn fits(&self, wanted_bytes: u64) -> bool {
        self.bytes().saturating_add(wanted_bytes) <= self.max_bytes()
    }

    fn low_mark(&self) -> u64 {
        self.max_bytes() / 100 * LOW_MARK_PERCENT
    }
}

impl Kept {
    /// Makes room for `wanted_bytes` more.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`] if all that could go is in use.
    pub(crate) async fn make_room(&self, wanted_bytes: u64) -> Result<(), BlobError> {
        if self.space.fits(wanted_bytes) {
            return Ok(());
        }
        if self.is_too_large(wanted_bytes) {
            return Err(BlobError::NoSpace);
        }
        let _one_at_a_time = self.space.evicting.lock().await;
        let goal = self
            .space
            .low_mark()
            .min(self.space.max_bytes() - wanted_bytes);
        self.evict_down_to(goal).await;
        if self.space.fits(wanted_bytes) {
            Ok(())
        } else {
            Err(BlobError::NoSpace)
        }
    }

    /// True for what would be too large if it were alone here.
    pub(crate) fn is_too_large(&self, bytes: u64) -> bool {
        bytes > self.space.max_bytes()
    }

    /// Frees at least `wanted_bytes` if so much can go: the disk is full although the size is not reached.
    pub(crate) async fn free(&self, wanted_bytes: u64) {
        let _one_at_a_time = self.space.evicting.lock().await;
        let step = wanted_bytes.max(self.space.bytes() / 100 * (100 - LOW_MARK_PERCENT));
        self.evict_down_to(self.space.bytes().saturating_sub(step))
            .await;
    }

    async fn evict_down_to(&self, goal_bytes: u64) {
        // The order must be the true one: notes of use that wait in memory count.
        self.flush().await;
        self.recount().await;
        let before_bytes = self.space.bytes();
        let mut objects = 0;
        while self.space.bytes() > goal_bytes {
            let Some(step) = self.coldest_down_to(goal_bytes).await else {
                break;
            };
            let digests: Vec<_> = step.into_iter().map(|object| object.digest).collect();
            let before_step = self.space.bytes();
            match self.evict(&digests).await {
                Ok(gone) => objects += gone,
                Err(error) => {
                    self.health.catalog_not_written(&error);
                    break;
                }
            }
            if self.space.bytes() >= before_step {
                break; // Nothing is known to have been won: going on would drop everything.
            }
        }
        if objects > 0 {
            let bytes = before_bytes.saturating_sub(self.space.bytes());
            info!(objects, bytes, "evicted what was not used for longest");
            self.observe.observe(&Event::Evicted { objects, bytes });
        }
    }

    /// The next objects to go, no more than needed; `None` if nothing more may go.
    async fn coldest_down_to(&self, goal_bytes: u64) -> Option<Vec<Object>> {
        let now = self.clock.now();
        let coldest = self.catalog.coldest(STEP_OBJECTS).await.ok()?;
        let mut excess_bytes = self.space.bytes().saturating_sub(goal_bytes);
        let mut step = Vec::new();
        for object in coldest {
            // Use that lies ahead was noted under another clock; it protects nothing.
            let in_flight = object
                .used_at
                .age_at(now)
                .is_some_and(|age| age < IN_FLIGHT);
            if in_flight || excess_bytes == 0 {
                break;
            }
            excess_bytes = excess_bytes.saturating_sub(object.size);
            step.push(object);
        }
        (!step.is_empty()).then_some(step)
    }
}
