//! The blobs that are open now, so that all who read one share its file and its checksums; and what was checked of those that
//! were open a moment ago.
//!
//! A thousand readers of a blob then cost one file descriptor and one checksum table, and those who come one after another
//! one check.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use forebay_content::lock;
use forebay_oci::Digest;
use moka::sync::Cache;

use crate::blob::FsBlob;
use crate::checked::{Checked, TRUSTED_FOR};

/// After how many insertions entries of closed blobs are swept out.
const SWEEP_EVERY: usize = 256;

/// The most memory that is spent on remembering what was checked, in bytes: for some 50 GB of blobs.
const REMEMBERED_BYTES: u64 = 4 * 1024 * 1024;

/// What else a remembered blob takes, in bytes.
const ENTRY_BYTES: usize = 256;

/// What was checked of a blob's file, shared by all that have it open one after another.
pub(crate) type SharedChecked = Arc<Mutex<Checked>>;

/// Open blobs by digest. Holds none of them open itself.
#[derive(Debug)]
pub(crate) struct Opened {
    state: Mutex<State>,
    checked: Cache<Digest, Remembered>,
}

#[derive(Clone, Debug)]
struct Remembered {
    chunks: usize,
    checked: SharedChecked,
}

/// A moment in the life of [`Opened`]: what was opened before it may be gone from the disk after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

#[derive(Debug, Default)]
struct State {
    blobs: HashMap<Digest, Weak<FsBlob>>,
    forgotten: u64,
    inserted: usize,
}

impl Default for Opened {
    fn default() -> Self {
        let weigh = |_: &Digest, remembered: &Remembered| {
            let bytes = remembered.chunks * size_of::<u32>() + ENTRY_BYTES;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let checked = Cache::builder()
            .max_capacity(REMEMBERED_BYTES)
            .weigher(weigh)
            .time_to_idle(TRUSTED_FOR)
            .build();
        Self {
            state: Mutex::default(),
            checked,
        }
    }
}

impl Opened {
    /// What was checked a while ago of the blob of this digest, which has so many chunks. For whoever opens it: what was
    /// checked of another file of that name says nothing about this one.
    pub(crate) fn checked_of(&self, digest: &Digest, chunks: usize) -> SharedChecked {
        let remembered = self.checked.get_with_by_ref(digest, || Remembered {
            chunks,
            checked: SharedChecked::default(),
        });
        remembered.checked
    }

    /// The open blob, if there is one and no read found it damaged; else the moment before it is opened anew.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Arc<FsBlob>, Moment> {
        let state = self.lock();
        let open = state.blobs.get(digest).and_then(Weak::upgrade);
        open.filter(|blob| !blob.is_damaged())
            .ok_or(Moment(state.forgotten))
    }

    /// Shares `blob`, unless some blob was forgotten since `before`, as it may have been this one.
    pub(crate) fn share(&self, digest: &Digest, blob: &Arc<FsBlob>, before: Moment) {
        let mut state = self.lock();
        if Moment(state.forgotten) != before {
            return;
        }
        state.inserted += 1;
        if state.inserted.is_multiple_of(SWEEP_EVERY) {
            state.blobs.retain(|_, blob| blob.strong_count() > 0);
        }
        state.blobs.insert(digest.clone(), Arc::downgrade(blob));
    }

    /// Forgets a blob whose name on disk now means another file, or none. Its readers keep it.
    pub(crate) fn forget(&self, digest: &Digest) {
        let mut state = self.lock();
        state.forgotten += 1;
        self.checked.invalidate(digest);
        if let Some(blob) = state.blobs.remove(digest).and_then(|blob| blob.upgrade()) {
            blob.doom();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
