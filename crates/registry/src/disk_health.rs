//! Whether what is pushed is kept, for readiness: told from the first push that the disk refuses until one that it takes.
//!
//! Nothing is tried for its own sake: what the disk makes of a small file says little of a layer.

use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_content::BlobError;
use tracing::{info, warn};

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// The trouble with the registry's disk, if the last push had any. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskHealth(Arc<Mutex<Option<String>>>);

impl LocalRegistry {
    /// Why the disk did not take the last push that it was to take, in words for an operator; `None` if it did.
    pub fn disk_trouble(&self) -> Option<String> {
        self.disk_health.trouble().clone()
    }
}

impl DiskHealth {
    /// Takes note of what became of a part of a push; that it was taken says nothing yet of whether a layer finds room.
    pub(crate) fn note<T>(&self, made: &Result<T, PushError>) {
        let Some(why) = made.as_ref().err().and_then(disk_trouble_of) else {
            return;
        };
        let trouble = format!(
            "pushes to local repositories are refused: {why}; this is told until one is kept"
        );
        let before = self.trouble().replace(trouble.clone());
        // At its beginning and its end, not at each push between.
        if before.is_none() {
            warn!("{trouble}");
        }
    }

    /// Takes note of what became of bytes that were to be kept.
    pub(crate) fn note_kept<T>(&self, kept: &Result<T, PushError>) {
        self.note(kept);
        if kept.is_ok() && self.trouble().take().is_some() {
            info!("pushes to local repositories are kept again");
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with the disk; `None` if the push failed for another reason.
fn disk_trouble_of(error: &PushError) -> Option<String> {
    let blobs = match error {
        PushError::NoSpace => &BlobError::NoSpace,
        PushError::NotWritable => &BlobError::ReadOnly,
        PushError::Disk(error) | PushError::Unjournaled(error) => error,
        _ => return None,
    };
    Some(match (blobs, blobs.source()) {
        (BlobError::NoSpace, _) => {
            "their disk, its inodes or its quota are used up: make room".to_owned()
        }
        (BlobError::ReadOnly, _) => {
            "their disk cannot be written to: it is full, read-only or broken".to_owned()
        }
        (error, Some(cause)) => format!("their disk fails: {error}: {cause}"),
        (error, None) => format!("their disk fails: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn it_is_told_from_the_first_push_that_is_refused_until_one_is_kept() {
        let health = DiskHealth::default();
        let full = || Err::<(), _>(PushError::NoSpace);
        health.note(&full());
        let told = health.trouble().clone().unwrap();
        assert!(told.contains("used up"), "{told}");
        // Neither a change that needs next to no room, nor a push that fails for its client's sake, is the end of it.
        health.note(&Ok(()));
        health.note_kept(&Err::<(), _>(PushError::NoUpload));
        assert_eq!(*health.trouble(), Some(told));
        health.note_kept(&Ok(()));
        assert_eq!(*health.trouble(), None);
    }

    #[test]
    fn what_is_wrong_with_the_disk_is_told_and_nothing_else() {
        let broken = || BlobError::Io(Arc::new(io::Error::other("sector 7")));
        for (error, word) in [
            (PushError::NoSpace, "used up"),
            (PushError::Unjournaled(BlobError::NoSpace), "used up"),
            (PushError::NotWritable, "cannot be written to"),
            (PushError::Disk(broken()), "sector 7"),
            (PushError::Unjournaled(broken()), "sector 7"),
        ] {
            let told = disk_trouble_of(&error).unwrap();
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(disk_trouble_of(&PushError::UploadBusy), None);
    }
}
