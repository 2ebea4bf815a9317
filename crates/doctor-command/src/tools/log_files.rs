//! The log files of machines without a journal, and their last part where they are long.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use forebay_terminal::plain_file;

/// Where syslog writes, by distribution.
const PATHS: [&str; 2] = ["var/log/messages", "var/log/syslog"];

/// The most bytes that are read of a file, from its end.
const MAX_READ_BYTES: u64 = 256 << 20;

/// How much is read at once.
const READ_BYTES: usize = 128 << 10;

/// Where logs may lie.
pub(super) fn candidates(root: &Path) -> impl Iterator<Item = PathBuf> {
    PATHS.map(|path| root.join(path)).into_iter()
}

/// Reads the last part of a file; how many bytes before it were not read.
pub(super) fn read_tail(path: &Path, take: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
    let mut file = plain_file::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(MAX_READ_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut rest = file.take(MAX_READ_BYTES);
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match rest.read(&mut bytes) {
            Ok(0) => return Ok(skipped),
            Ok(length) => take(&bytes[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
