//! Keeps what is at rest within its size: the content that was not used for longest goes first.
//!
//! A fill takes room as its bytes come, a step at a time, and holds it until it is kept or gone: what is at rest and what is
//! coming is never more than the size. Room is made for bytes that are here, never for a size that somebody announced, or one
//! header would empty the cache. A pull in flight is not broken: whoever serves a manifest notes the use of its blobs, so that
//! they are the last to go, and what a reader has open stays readable.
//!
//! The size is the operator's `max_size`, or less where the disk has less: what it has goes to others first (`disk_room.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{BlobError, Event, Object, Usage};
use tracing::info;

use crate::disk_room::DiskRoom;
use crate::kept::Kept;

/// After an eviction at most so many percent of the size are used, so that not every step waits for one.
const LOW_MARK_PERCENT: u64 = 90;

/// The most room that a fill takes ahead of its bytes.
const MAX_STEP_BYTES: u64 = 8 * 1024 * 1024;

/// A fill takes no more than this part of the size ahead of its bytes.
const STEPS_OF_ALL: u64 = 128;

/// Content used within this time is part of a pull that may be in flight, and stays.
const IN_FLIGHT: Duration = Duration::from_mins(1);

/// How many objects one step of an eviction takes.
const STEP_OBJECTS: u32 = 64;

/// What is at rest, what is coming, and the bound of both.
pub(crate) struct Space {
    room: Mutex<Room>,
    /// One eviction at a time: two would each count the other's room as its own.
    evicting: tokio::sync::Mutex<()>,
}

/// All in bytes.
struct Room {
    /// What the operator lets the cache have.
    max: u64,
    /// What its disk lets it have: all of it as long as nobody has looked.
    disk: u64,
    kept: u64,
    reserved: u64,
}

/// What an eviction leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spared {
    /// What may be part of a pull in flight.
    InFlight,
    Nothing,
}

/// Room for what is coming; given back when dropped.
pub(crate) struct Reserved {
    space: Arc<Space>,
    bytes: u64,
}

// === impl Space ===

impl Space {
    pub(crate) fn new(max_bytes: u64, usage: Usage) -> Self {
        let room = Room {
            max: max_bytes,
            disk: u64::MAX,
            kept: usage.bytes,
            reserved: 0,
        };
        Self {
            room: Mutex::new(room),
            evicting: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.room().kept
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.room().kept = bytes;
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        self.room().max
    }

    pub(crate) fn set_max_bytes(&self, max_bytes: u64) {
        self.room().max = max_bytes;
    }

    /// Takes note of what the disk has left, and leaves `wanted_bytes` of it to others.
    fn note_disk(&self, disk: DiskRoom, wanted_bytes: u64) {
        let mut room = self.room();
        let used = room.kept.saturating_add(room.reserved);
        room.disk = disk.left_to_cache(used).saturating_sub(wanted_bytes);
    }

    /// What was reserved is kept.
    pub(crate) fn keep(&self, reserved: Reserved, bytes: u64) {
        let mut room = self.room();
        room.kept = room.kept.saturating_add(bytes);
        drop(room);
        drop(reserved);
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Room ===

impl Room {
    /// What is at rest and what is coming may be so much.
    fn limit(&self) -> u64 {
        self.max.min(self.disk)
    }

    fn fits(&self, more_bytes: u64) -> bool {
        let taken = self.kept.saturating_add(self.reserved);
        taken.saturating_add(more_bytes) <= self.limit()
    }

    /// How much may be at rest beside what is coming and `more_bytes`, if it is to be the low mark with them; `None` if they
    /// would be too much by themselves.
    fn goal(&self, more_bytes: u64) -> Option<u64> {
        let coming = self.reserved.saturating_add(more_bytes);
        let low_mark = self.limit() / 100 * LOW_MARK_PERCENT;
        (coming <= self.limit()).then(|| low_mark.saturating_sub(coming))
    }

    fn step_bytes(&self) -> u64 {
        (self.limit() / STEPS_OF_ALL).min(MAX_STEP_BYTES)
    }
}

// === impl Reserved ===

impl Reserved {
    /// Takes so much more if it is free.
    fn take(&mut self, more_bytes: u64) -> bool {
        let mut room = self.space.room();
        let fits = room.fits(more_bytes);
        if fits {
            room.reserved += more_bytes;
            self.bytes += more_bytes;
        }
        fits
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut room = self.space.room();
        room.reserved = room.reserved.saturating_sub(self.bytes);
    }
}

// === impl Kept ===

impl Kept {
    /// No room yet, for something that is coming.
    pub(crate) fn reserve(&self) -> Reserved {
        Reserved {
            space: Arc::clone(&self.space),
            bytes: 0,
        }
    }

    /// Has `reserved` hold room for `bytes` that are here, and a step ahead of them, but not beyond an announced `size`.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`] if all that could go is in use.
    pub(crate) async fn grow(
        &self,
        reserved: &mut Reserved,
        bytes: u64,
        size: Option<u64>,
    ) -> Result<(), BlobError> {
        let missing = bytes.saturating_sub(reserved.bytes);
        if missing == 0 {
            return Ok(());
        }
        let step = self.step_bytes(size.map(|size| size.saturating_sub(reserved.bytes)));
        let wanted = missing.max(step);
        if reserved.take(wanted) {
            return Ok(());
        }
        self.make_room(wanted).await;
        if reserved.take(wanted) || reserved.take(missing) {
            Ok(())
        } else {
            Err(BlobError::NoSpace)
        }
    }

    /// How much a fill of so many bytes takes at first.
    pub(crate) fn step_bytes(&self, size: Option<u64>) -> u64 {
        let step = self.space.room().step_bytes();
        size.map_or(step, |size| step.min(size))
    }

    /// Makes room for `more_bytes` if so much can go.
    pub(crate) async fn make_room(&self, more_bytes: u64) {
        let _one_at_a_time = self.space.evicting.lock().await;
        let goal = {
            let room = self.space.room();
            room.goal(more_bytes).filter(|_| !room.fits(more_bytes))
        };
        if let Some(goal) = goal {
            self.evict_down_to(goal, Spared::InFlight).await;
        }
    }

    /// Looks at the disk, and has what is at rest be no more than it may be now.
    pub(crate) async fn hold_to_size(&self) {
        if let Some(disk) = self.disk.look() {
            self.space.note_disk(disk, 0);
        }
        self.make_room(0).await;
    }

    /// Gives way to others who are about to write `wanted_bytes` to the disk of the cache: what is pushed is nowhere else, and
    /// what goes here can be fetched again, also by a pull in flight. Nothing goes where there is room for it, or where all that
    /// could go would not make enough.
    pub async fn give_way(&self, wanted_bytes: u64) {
        let is_short = |disk: &DiskRoom| disk.is_short_of(wanted_bytes);
        let look = || self.disk.look().filter(is_short);
        if look().is_none() {
            return;
        }
        let _one_at_a_time = self.space.evicting.lock().await;
        // Who was before us may have made the room.
        let Some(disk) = look() else {
            return;
        };
        if disk.free_bytes.saturating_add(self.bytes()) < wanted_bytes {
            return;
        }
        self.space.note_disk(disk, wanted_bytes);
        let goal = {
            let room = self.space.room();
            room.limit().saturating_sub(room.reserved)
        };
        self.evict_down_to(goal, Spared::Nothing).await;
    }

    /// True where nothing that can go makes room for so much beside what is coming, as the disk has less than `max_size`.
    pub(crate) fn is_beyond_disk(&self, bytes: u64) -> bool {
        bytes > self.space.room().disk
    }

    /// True for what would be too large if it were alone here.
    pub(crate) fn is_too_large(&self, bytes: u64) -> bool {
        bytes > self.space.max_bytes()
    }

    /// Frees a part of what is at rest: the disk is full although the size is not reached.
    pub(crate) async fn free(&self) {
        let _one_at_a_time = self.space.evicting.lock().await;
        let goal = self.space.bytes() / 100 * LOW_MARK_PERCENT;
        self.evict_down_to(goal, Spared::InFlight).await;
    }

    async fn evict_down_to(&self, goal_bytes: u64, spared: Spared) {
        // The order must be the true one: notes of use that wait in memory count.
        self.flush().await;
        self.recount().await;
        let before_bytes = self.space.bytes();
        let mut objects = 0;
        while self.space.bytes() > goal_bytes {
            let Some(step) = self.coldest_down_to(goal_bytes, spared).await else {
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
    async fn coldest_down_to(&self, goal_bytes: u64, spared: Spared) -> Option<Vec<Object>> {
        let now = self.clock.now();
        let coldest = self.catalog.coldest(STEP_OBJECTS).await.ok()?;
        let mut excess_bytes = self.space.bytes().saturating_sub(goal_bytes);
        let mut step = Vec::new();
        for object in coldest {
            // Use that lies ahead was noted under another clock; it protects nothing.
            let age = object.used_at.age_at(now);
            let is_in_flight = age.is_some_and(|age| age < IN_FLIGHT);
            if (is_in_flight && spared == Spared::InFlight) || excess_bytes == 0 {
                break;
            }
            excess_bytes = excess_bytes.saturating_sub(object.size);
            step.push(object);
        }
        (!step.is_empty()).then_some(step)
    }
}
