//! The suites, run against the implementations in memory.

mod memory_blobs;
mod memory_journal;
