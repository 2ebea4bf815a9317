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
    shelf: Mutex<Shelf>,
}

/// A moment in the life of [`Opened`]: what was opened before it may be gone from the disk after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

#[derive(Debug, Default)]
struct Shelf {
    blobs: HashMap<Digest, Weak<FsBlob>>,
    forgotten: u64,
    inserted: usize,
}

impl Opened {
    /// The open blob, if there is one and no read found it damaged; else the moment before it is opened anew.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Arc<FsBlob>, Moment> {
        let shelf = self.lock();
        let open = shelf.blobs.get(digest).and_then(Weak::upgrade);
        open.filter(|blob| !blob.is_damaged())
            .ok_or(Moment(shelf.forgotten))
    }

    /// Shares `blob`, unless some blob was forgotten since `before`, as it may have been this one.
    pub(crate) fn share(&self, digest: &Digest, blob: &Arc<FsBlob>, before: Moment) {
        let mut shelf = self.lock();
        if Moment(shelf.forgotten) != before {
            return;
        }
        shelf.inserted += 1;
        if shelf.inserted.is_multiple_of(SWEEP_EVERY) {
            shelf.blobs.retain(|_, blob| blob.strong_count() > 0);
        }
        shelf.blobs.insert(digest.clone(), Arc::downgrade(blob));
    }

    /// Forgets a blob whose name on disk now means another file, or none. Its readers keep it.
    pub(crate) fn forget(&self, digest: &Digest) {
        let mut shelf = self.lock();
        shelf.forgotten += 1;
        if let Some(blob) = shelf.blobs.remove(digest).and_then(|blob| blob.upgrade()) {
            blob.doom();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
