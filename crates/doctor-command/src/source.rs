//! What is read to its end: a file, a pipe, a device, standard input.
//!
//! In parts: nothing is held but what the readers keep. A pipe that nobody writes to and a device without an end are told, not
//! waited for.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use forebay_terminal::Failure;
use forebay_terminal::plain_file::open_at_once;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl, fstatfs};

/// Stands for standard input.
pub(crate) const STDIN: &str = "-";

/// What standard input is called.
pub(crate) const INPUT_NAME: &str = "standard input";

/// How much is read at once, in bytes.
pub(crate) const READ_BYTES: usize = 128 << 10;

/// The most bytes that are read of a device: evidence ends, `/dev/zero` does not.
const MAX_DEVICE_BYTES: u64 = 16 << 20;

/// The file system of pipes without a name (`PIPEFS_MAGIC`), as a shell makes them for `<(…)`: their writer came with them, and
/// none comes after it.
const PIPE_FS: i64 = 0x5049_5045;

/// How often a pipe is looked at that nobody writes to yet.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often at most: five seconds in all, in which whoever was started together with us has opened it.
const MAX_LOOKS: u32 = 250;

/// Something that is being read.
pub(crate) struct Source {
    input: Box<dyn Read + Send>,
    /// How much of it is still read.
    left: Option<u64>,
}

/// Reads one to its end, or until nothing more is wanted.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_to_end(
    path: &Path,
    take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let failed = |error| cannot_read(path, error);
    let mut source = Source::open(path).map_err(failed)?;
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let length = source.read(&mut bytes).map_err(failed)?;
        if length == 0 || take(&bytes[..length]).is_break() {
            return Ok(());
        }
    }
}

/// Which file cannot be read, and why.
pub(crate) fn cannot_read(path: &Path, error: io::Error) -> Failure {
    Failure::failed(format!("cannot read {}", name_of(path)), error)
}

/// What a source is called.
pub(crate) fn name_of(path: &Path) -> String {
    if path == Path::new(STDIN) {
        INPUT_NAME.to_owned()
    } else {
        path.display().to_string()
    }
}

impl Source {
    /// Opens it; waits for somebody who writes, if it is a pipe, for five seconds.
    ///
    /// # Errors
    /// It is not there or not to be read, is a directory, or nobody writes to it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_within(path, MAX_LOOKS)
    }

    /// The same without a limit: what is followed has an end when somebody ends it.
    pub(crate) fn endless(self) -> Self {
        Self { left: None, ..self }
    }

    fn open_within(path: &Path, looks: u32) -> io::Result<Self> {
        if path == Path::new(STDIN) {
            let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            let about = input.metadata()?;
            return Ok(Self::of(input, &about));
        }
        let mut file = open_at_once(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            let what = "it is a directory: name the files in it";
            return Err(io::Error::new(io::ErrorKind::IsADirectory, what));
        }
        let is_named_pipe = about.file_type().is_fifo() && fstatfs(&file)?.f_type != PIPE_FS;
        let first = if is_named_pipe {
            first_of_pipe(&mut file, looks)?
        } else {
            Vec::new()
        };
        let flags = fcntl_getfl(&file)?;
        fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
        Ok(Self::of(Cursor::new(first).chain(file), &about))
    }

    fn of(input: impl Read + Send + 'static, about: &Metadata) -> Self {
        let kind = about.file_type();
        let is_device = kind.is_char_device() || kind.is_block_device();
        Self {
            input: Box::new(input),
            left: is_device.then_some(MAX_DEVICE_BYTES),
        }
    }
}

impl Read for Source {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => return self.count(length),
            }
        }
    }
}

impl Source {
    fn count(&mut self, length: usize) -> io::Result<usize> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(length as u64).ok_or_else(|| {
                let mib = MAX_DEVICE_BYTES >> 20;
                io::Error::other(format!("it is a device that has no end within {mib} MiB"))
            })?;
        }
        Ok(length)
    }
}

/// The first bytes of a pipe, as soon as somebody has opened it to write; none if these are still to come.
fn first_of_pipe(pipe: &mut File, looks: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; READ_BYTES];
    for _ in 0..looks {
        match pipe.read(&mut bytes) {
            // As long as nobody has it open, it looks as if it had ended.
            Ok(0) => thread::sleep(LOOK_EVERY),
            Ok(length) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let what = "it is a pipe, and nobody writes to it";
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    use super::*;

    fn pipe() -> (TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        (folder, path)
    }

    fn why(opened: io::Result<Source>) -> String {
        opened.err().map(|error| error.to_string()).unwrap()
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_told() {
        let (_folder, path) = pipe();
        let why = why(Source::open_within(&path, 2));
        assert_eq!(why, "it is a pipe, and nobody writes to it");
    }

    #[test]
    fn a_pipe_is_read_to_its_end_however_late_its_writer_writes() {
        let (_folder, path) = pipe();
        let to = path.clone();
        let writer = thread::spawn(move || {
            let mut pipe = File::options().write(true).open(to).unwrap();
            for _ in 0..3 {
                pipe.write_all(&vec![b'x'; 100_000]).unwrap();
                thread::sleep(LOOK_EVERY);
            }
        });
        let mut text = Vec::new();
        Source::open(&path).unwrap().read_to_end(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text.len(), 300_000);
    }

    #[test]
    fn a_device_without_an_end_is_given_up_and_one_with_an_end_is_read() {
        let read = |path| io::copy(&mut Source::open(Path::new(path)).unwrap(), &mut io::sink());
        let endless = read("/dev/zero").unwrap_err().to_string();
        assert_eq!(endless, "it is a device that has no end within 16 MiB");
        assert_eq!(read("/dev/null").unwrap(), 0);
    }

    #[test]
    fn what_is_followed_is_read_beyond_any_limit() {
        let followed = Source::open(Path::new("/dev/zero")).unwrap().endless();
        let some = 2 * MAX_DEVICE_BYTES;
        let read = io::copy(&mut followed.take(some), &mut io::sink());
        assert_eq!(read.unwrap(), some);
    }

    #[test]
    fn a_directory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let why = why(Source::open(folder.path()));
        assert_eq!(why, "it is a directory: name the files in it");
    }
}
