//! A part of an open file, to be sent by the kernel without a copy.
//!
//! It goes out as the file was when the part was made: a file that was written to or cut since breaks the connection.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{fstat, sendfile};

/// A part of an open file.
#[derive(Clone)]
pub struct FilePart {
    file: Arc<File>,
    range: Range<u64>,
    version: Version,
    /// Behind the file, so that it is let go of after it.
    _owner: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a write to a file changes. Not its change time: that changes as well when the file loses its name, which keeps nobody
/// from reading it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    bytes: i64,
    modified: (i64, i64),
}

impl FilePart {
    /// The bytes of `range` in `file`, as they are now.
    ///
    /// # Errors
    /// What the file system says, and [`io::ErrorKind::UnexpectedEof`] where the file is shorter.
    pub fn new(file: Arc<File>, range: Range<u64>) -> io::Result<Self> {
        let version = Version::of(&file)?;
        if i64::try_from(range.end).map_or(true, |end| end > version.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self {
            file,
            range,
            version,
            _owner: None,
        })
    }

    /// The same, which lets go of `owner` after it has let go of the file: the owner closes it then, where that may take long.
    #[must_use]
    pub fn owned_by(self, owner: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            _owner: Some(owner),
            ..self
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// True if it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets the kernel send from its beginning on to `socket`: how many bytes, 0 where the file ends.
    pub(super) fn send(&self, socket: impl AsFd) -> io::Result<usize> {
        let mut offset = self.range.start;
        let count = usize::try_from(self.len()).unwrap_or(usize::MAX);
        Ok(sendfile(socket, &self.file, Some(&mut offset), count)?)
    }

    /// Reads from its beginning on: how many bytes, never 0.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.len()).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        self.file
            .read_exact_at(&mut buffer[..wanted], self.range.start)?;
        Ok(wanted)
    }

    /// Takes the first `bytes` off, or all if it has fewer.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.range.start = self.range.end.min(self.range.start.saturating_add(bytes));
    }

    /// The first `bytes` as a part of their own, or all if it has fewer.
    pub(super) fn split_to(&mut self, bytes: u64) -> Self {
        let mut first = self.clone();
        self.advance(bytes);
        first.range.end = self.range.start;
        first
    }

    /// True if both are parts of one file.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }

    /// An error unless the file is as it was.
    pub(super) fn check(&self) -> io::Result<()> {
        if Version::of(&self.file)? == self.version {
            return Ok(());
        }
        Err(io::Error::other("the file changed while it was being sent"))
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilePart")
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

impl Version {
    fn of(file: &File) -> io::Result<Self> {
        let stat = fstat(file)?;
        Ok(Self {
            bytes: stat.st_size,
            modified: (
                stat.st_mtime,
                i64::try_from(stat.st_mtime_nsec).unwrap_or_default(),
            ),
        })
    }
}
