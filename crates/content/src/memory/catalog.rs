//! A catalog in memory.

/// Keeps the catalog in memory.
#[derive(Debug, Default)]
pub struct MemoryCatalog;
