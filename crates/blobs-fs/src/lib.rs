#![doc = include_str!("../README.md")]

mod access;
mod blob;
mod buffers;
mod checked;
mod disk;
mod error;
mod format;
mod journal;
mod layout;
mod listing;
mod lock;
mod opened;
#[cfg(test)]
mod speed;
mod stage;
mod store;
mod trailer;
mod upkeep;

pub use disk::{Disk, FileState, Patience, ReadDisk, RealDisk, Room, ensure_dir, sync_dir};
pub use error::DataError;
pub use format::{FORMAT, ensure_format, has_format};
pub use journal::{FsJournal, JournalLengths};
pub use lock::DataLock;
pub use store::{CHUNK_BYTES, FsBlobs};
