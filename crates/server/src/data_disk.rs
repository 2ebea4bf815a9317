//! The disk of the data directory, and how much it has left.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_blobs_fs::Disk;
use forebay_cache::{DiskRoom, LookAtDisk};

/// The disk of a data directory. Clones are the same one.
#[derive(Clone)]
pub(crate) struct DataDisk {
    data: PathBuf,
    disk: Arc<dyn Disk>,
}

impl DataDisk {
    pub(crate) fn of(data: &Path, disk: &Arc<dyn Disk>) -> Self {
        Self {
            data: data.to_owned(),
            disk: Arc::clone(disk),
        }
    }

    /// What it has left now.
    ///
    /// # Errors
    /// What the disk said.
    pub(crate) fn room(&self) -> io::Result<DiskRoom> {
        let room = self.disk.room(&self.data)?;
        Ok(DiskRoom {
            free_bytes: room.bytes,
            total_bytes: room.total_bytes,
        })
    }
}

impl LookAtDisk for DataDisk {
    fn look(&self) -> Option<DiskRoom> {
        self.room().ok()
    }
}
