//! Reads the beginning of a file, or of a pipe that has a writer, and waits for neither without end.
//!
//! A configuration may come by a process substitution, which is a pipe: one that nobody writes to would never end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fstatfs};

/// How often a pipe is asked again, in all.
const MAX_WAITS: u32 = 500;

/// The pause before it is.
const PAUSE: Duration = Duration::from_millis(10);

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The file system of pipes without a name, such as a shell's process substitution: `PIPEFS_MAGIC` of `linux/magic.h`.
const PIPE_FS: i64 = 0x5049_5045;

/// How anything is opened at once that may be a pipe: an open that waits for a pipe's other end could not be given up. Reads and
/// writes do not wait either.
pub fn at_once() -> OpenOptions {
    let mut options = File::options();
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// The first `max_bytes` of what is at `path`, or all of it.
///
/// # Errors
/// It cannot be read, or is a pipe that is not written to its end in time.
pub(super) fn read_at_most(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_within(path, max_bytes, MAX_WAITS)
}

fn read_within(path: &Path, max_bytes: u64, mut waits: u32) -> io::Result<Vec<u8>> {
    let file = at_once().read(true).open(path)?;
    // One without a name has its writer from the first, and comes to an end when that does.
    let is_named_pipe = file.metadata()?.file_type().is_fifo() && fstatfs(&file)?.f_type != PIPE_FS;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut file = file.take(max_bytes);
    while file.limit() > 0 {
        match file.read(&mut chunk) {
            // Nobody has opened it to write yet.
            Ok(0) if is_named_pipe && bytes.is_empty() => {}
            Ok(0) => break,
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        waits = waits.checked_sub(1).ok_or_else(never_written)?;
        thread::sleep(PAUSE);
    }
    Ok(bytes)
}

fn never_written() -> io::Error {
    let waited = MAX_WAITS / 100;
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("it is a pipe or a device that was not written to its end within {waited} s"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn pipe(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        path
    }

    #[test]
    fn a_pipe_is_read_to_its_end_and_not_waited_for_without_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = pipe(&folder);
        let told = read_within(&path, 9, 0).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::TimedOut);
        let writer = path.clone();
        let writer = thread::spawn(move || {
            let mut pipe = File::options().write(true).open(writer).unwrap();
            pipe.write_all(b"a = ").unwrap();
            thread::yield_now();
            pipe.write_all(b"1").unwrap();
        });
        assert_eq!(read_at_most(&path, 9).unwrap(), b"a = 1");
        writer.join().unwrap();
    }

    #[test]
    fn a_process_substitution_that_writes_nothing_is_an_empty_file_at_once() {
        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let path = Path::new(&path);
        let told = read_within(path, 9, 0).unwrap_err();
        assert_eq!(
            told.kind(),
            io::ErrorKind::TimedOut,
            "its writer may write yet"
        );
        drop(writer);
        assert_eq!(read_within(path, 9, 0).unwrap(), b"");
    }

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_at_most(&path, 3).unwrap(), b"123");
        assert_eq!(read_at_most(&path, 9).unwrap(), b"12345");
        assert_eq!(read_at_most(Path::new("/dev/null"), 9).unwrap(), b"");
        assert_eq!(read_at_most(Path::new("/dev/zero"), 4).unwrap(), [0; 4]);
        assert!(read_at_most(folder.path(), 4).is_err());
    }
}
