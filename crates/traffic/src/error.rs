//! Why nothing of a file could be read.
//!
//! Where some of it was, that is counted and the rest is noted: only what tells nothing at all is an error.

use thiserror::Error as ThisError;

/// Forms that hold others, by how they begin.
const PACKED: [(&[u8], &str); 6] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "Parquet"),
];

/// The bytes by which [`Error::of_start`] knows a form.
pub(crate) const START_BYTES: usize = 8;

/// Why nothing of a file could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum Error {
    /// There are no bytes in it: what should have written it may have failed.
    #[error("it is empty")]
    Empty,
    /// It has to be unpacked first.
    #[error("it is packed ({0})")]
    Packed(&'static str),
    /// It is something else, or broken before the first that it could have told.
    #[error("nothing of it can be read: {0}")]
    Unreadable(&'static str),
}

impl Error {
    /// What is wrong with what begins so, if it is packed.
    pub(crate) fn of_start(start: &[u8]) -> Option<Self> {
        let mut packed = PACKED.iter();
        let (_, name) = packed.find(|(sign, _)| start.starts_with(sign))?;
        Some(Self::Packed(name))
    }
}
