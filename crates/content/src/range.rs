//! The part of a blob that is asked for, before its size is known.
//!
//! Source: RFC 9110 §14.1.2, one range of bytes.

/// One range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// `first-`: from here to the end.
    From {
        /// Offset of the first byte.
        first: u64,
    },
    /// `first-last`: both included.
    Between {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// `-length`: the last so many bytes.
    Last {
        /// How many.
        length: u64,
    },
}

/// The range lies outside the blob, or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range lies outside the {size} bytes")]
pub struct Unsatisfiable {
    /// The blob's size in bytes.
    pub size: u64,
}

impl ByteRange {
    /// The bytes that it means in a blob of `size` bytes: first, and one past the last.
    pub fn resolve(self, size: u64) -> Result<std::ops::Range<u64>, Unsatisfiable> {
        let (first, end) = match self {
            Self::From { first } => (first, size),
            Self::Between { first, last } => (first, last.saturating_add(1).min(size)),
            Self::Last { length } => (size.saturating_sub(length), size),
        };
        if first < end {
            Ok(first..end)
        } else {
            Err(Unsatisfiable { size })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_the_rfc_says() {
        let between = |first, last| ByteRange::Between { first, last };
        for (range, size, bytes) in [
            (ByteRange::From { first: 0 }, 10, Some(0..10)),
            (ByteRange::From { first: 9 }, 10, Some(9..10)),
            (ByteRange::From { first: 10 }, 10, None),
            (between(5, 7), 10, Some(5..8)),
            (between(5, 100), 10, Some(5..10)),
            (between(5, u64::MAX), 10, Some(5..10)),
            (between(5, 4), 10, None),
            (between(10, 20), 10, None),
            (ByteRange::Last { length: 3 }, 10, Some(7..10)),
            (ByteRange::Last { length: 30 }, 10, Some(0..10)),
            (ByteRange::Last { length: 0 }, 10, None),
            (ByteRange::From { first: 0 }, 0, None),
        ] {
            assert_eq!(range.resolve(size).ok(), bytes, "{range:?} of {size}");
        }
    }
}
