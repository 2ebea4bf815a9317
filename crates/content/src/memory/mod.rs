//! The seams in memory: for tests, and for those who need nothing kept.
//!
//! The same contracts as the implementations on disk, checked by the same suites.

mod accounts;
mod blobs;
mod catalog;
mod hosted;
mod journal;
mod ledger;

pub use accounts::MemoryAccounts;
pub use blobs::MemoryBlobs;
pub use catalog::MemoryCatalog;
pub use hosted::MemoryHosted;
pub use journal::MemoryJournal;
pub use ledger::MemoryLedger;
