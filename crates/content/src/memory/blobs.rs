//! Blobs in memory.

/// Keeps blobs in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs;
