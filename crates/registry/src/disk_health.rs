//! Whether what is pushed is kept, for readiness: told from the first push that the disk refuses until one that it takes, or until it
//! has room again for an ordinary one, as one push that was too large for it says nothing of the others.

use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard};

use forebay_content::{BlobError, lock};
use tracing::{info, warn};

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// A disk that has room for so many bytes more has it for an ordinary push: most layers are smaller.
const ORDINARY_PUSH_BYTES: u64 = 16 * 1024 * 1024;

/// The trouble with the registry's disk, if the last push had any. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskHealth(Arc<Mutex<Option<Trouble>>>);

#[derive(Debug)]
struct Trouble {
    /// In words for an operator.
    told: String,
    /// Whether it is over as soon as there is room.
    is_full: bool,
}

impl LocalRegistry {
    /// Why the disk did not take the last push that it was to take, in words for an operator; `None` if it did.
    pub fn disk_trouble(&self) -> Option<String> {
        self.disk_health.told()
    }

    /// Looks whether the disk that was too full for a push has room for an ordinary one; to be called now and then. Nothing is tried
    /// where none was refused, or where the disk fails: what it makes of an empty file says little of a layer.
    pub async fn look_at_disk(&self) {
        if self.disk_health.is_full() {
            let room = self.stores.blobs.stage(Some(ORDINARY_PUSH_BYTES)).await;
            if room.is_ok() {
                self.disk_health.note_room();
            }
        }
    }
}

impl DiskHealth {
    /// Takes note of what became of a part of a push; that it was taken says nothing yet of whether a layer finds room.
    pub(crate) fn note<T>(&self, made: &Result<T, PushError>) {
        let Some((why, is_full)) = made.as_ref().err().and_then(disk_trouble_of) else {
            return;
        };
        let told = format!(
            "pushes to local repositories are refused: {why}; this is told until one is kept, or there is room for one"
        );
        let before = self.trouble().replace(Trouble {
            told: told.clone(),
            is_full,
        });
        // At its beginning and its end, not at each push between.
        if before.is_none() {
            warn!("{told}");
        }
    }

    /// Takes note of what became of bytes that were to be kept.
    pub(crate) fn note_kept<T>(&self, kept: &Result<T, PushError>) {
        self.note(kept);
        if kept.is_ok() && self.trouble().take().is_some() {
            info!("pushes to local repositories are kept again");
        }
    }

    /// Takes note that there is room for an ordinary push.
    fn note_room(&self) {
        if self.trouble().take().is_some() {
            info!("the disk of local repositories has room for pushes again");
        }
    }

    fn told(&self) -> Option<String> {
        self.trouble().as_ref().map(|trouble| trouble.told.clone())
    }

    fn is_full(&self) -> bool {
        self.trouble().as_ref().is_some_and(|it| it.is_full)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        lock(&self.0)
    }
}

/// What is wrong with the disk, and whether it is that it is full; `None` if the push failed for another reason.
fn disk_trouble_of(error: &PushError) -> Option<(String, bool)> {
    let blobs = match error {
        PushError::NoSpace => &BlobError::NoSpace,
        PushError::NotWritable => &BlobError::ReadOnly,
        PushError::Disk(error) | PushError::Unjournaled(error) => error,
        _ => return None,
    };
    let why = match (blobs, blobs.source()) {
        (BlobError::NoSpace, _) => {
            "their disk, its inodes or its quota are used up: make room".to_owned()
        }
        (BlobError::ReadOnly, _) => {
            "their disk cannot be written to: it is full, read-only or broken".to_owned()
        }
        (error, Some(cause)) => format!("their disk fails: {error}: {cause}"),
        (error, None) => format!("their disk fails: {error}"),
    };
    Some((why, matches!(blobs, BlobError::NoSpace)))
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
        let told = health.told().unwrap();
        assert!(told.contains("used up"), "{told}");
        // Neither a change that needs next to no room, nor a push that fails for its client's sake, is the end of it.
        health.note(&Ok(()));
        health.note_kept(&Err::<(), _>(PushError::NoUpload));
        assert_eq!(health.told(), Some(told));
        health.note_kept(&Ok(()));
        assert_eq!(health.told(), None);
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
            let (told, is_full) = disk_trouble_of(&error).unwrap();
            assert!(told.contains(word), "{told}");
            assert_eq!(is_full, word == "used up", "{told}");
        }
        assert_eq!(disk_trouble_of(&PushError::UploadBusy), None);
    }
}
