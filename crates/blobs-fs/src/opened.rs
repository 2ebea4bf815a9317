//! The blobs that are open now, so that all who read one share its file and its checksums.
//!
//! A thousand readers of a blob then cost one file descriptor and one checksum table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use forebay_oci::Digest;

use crate::blob::FsBlob;

/// After how many insertions entries of closed blobs are swept out.
const SWEEP_EVERY: usize = 256;

/// Open blobs by digest. Holds none of them open itself.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    state: Mutex<State>,
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

impl Opened {
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
        if let Some(blob) = state.blobs.remove(digest).and_then(|blob| blob.upgrade()) {
            blob.doom();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
