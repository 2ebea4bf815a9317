//! What is looked up when somebody asks, rather than counted when it happens.

/// The program's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Bytes of content at rest.
    pub cache_bytes: u64,
    /// The most bytes that may be at rest; `None` is as much as the disk holds.
    pub cache_max_bytes: Option<u64>,
    /// What keeps the cache from keeping, in words for an operator.
    pub disk_trouble: Option<String>,
    /// Open client connections.
    pub connections: usize,
    /// True once the program is told to stop: it finishes what it does and takes nothing new.
    pub is_draining: bool,
}
