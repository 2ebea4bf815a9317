//! What the disk has left, and how much of it is the cache's.
//!
//! Pure. The cache is what can be thrown away, so others come first: a reserve stays free for who keeps books, and for pushes until the
//! cache has given way to them.

/// The cache leaves free one part in so many of its disk ...
const RESERVE_PART: u64 = 20;

/// ... but no more than this, in bytes: it is room to begin in, more is made when it is wanted, and on a large disk that others have
/// nearly filled a cache is still of use.
const MAX_RESERVE_BYTES: u64 = 1024 * 1024 * 1024;

/// The disk of the cache, to be looked at.
pub trait LookAtDisk: Send + Sync {
    /// How much it has left now; `None` if that cannot be told, and then it is taken for as it was.
    fn look(&self) -> Option<DiskRoom>;
}

/// What a disk has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// What may still be written.
    pub free_bytes: u64,
    /// All that it holds when it is full.
    pub total_bytes: u64,
}

/// A disk that nobody looks at: the size alone counts.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl LookAtDisk for Unwatched {
    fn look(&self) -> Option<DiskRoom> {
        None
    }
}

impl DiskRoom {
    /// How much a cache that uses `used_bytes` may have in all.
    pub(crate) fn left_to_cache(self, used_bytes: u64) -> u64 {
        let with_free = used_bytes.saturating_add(self.free_bytes);
        with_free.saturating_sub(self.reserve_bytes())
    }

    /// Whether the cache has to give way to who writes so much more. It does before the reserve is used up, so that several at once find
    /// some, and not before half of it is, so that not every step waits for an eviction.
    pub(crate) fn is_short_of(&self, wanted_bytes: u64) -> bool {
        self.free_bytes < wanted_bytes.saturating_add(self.reserve_bytes() / 2)
    }

    fn reserve_bytes(self) -> u64 {
        (self.total_bytes / RESERVE_PART).min(MAX_RESERVE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;

    #[test]
    fn a_twentieth_stays_free_and_no_more_than_one_gibibyte() {
        for (free_bytes, total_bytes, used, left) in [
            (100 * MIB, 100 * MIB, 0, 95 * MIB),
            (2 * MIB, 100 * MIB, 50 * MIB, 47 * MIB),
            (0, 100 * MIB, 3 * MIB, 0),
            (9 * GIB, 1024 * GIB, 0, 8 * GIB),
            (0, 1024 * GIB, 40 * GIB, 39 * GIB),
        ] {
            let disk = DiskRoom {
                free_bytes,
                total_bytes,
            };
            assert_eq!(disk.left_to_cache(used), left, "{disk:?} {used}");
        }
    }

    #[test]
    fn others_may_use_half_of_the_reserve_before_the_cache_gives_way() {
        let disk = DiskRoom {
            free_bytes: 4 * MIB,
            total_bytes: 120 * MIB,
        };
        assert!(!disk.is_short_of(MIB));
        assert!(disk.is_short_of(MIB + 1));
    }
}
