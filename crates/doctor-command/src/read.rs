//! Reads files and standard input to their ends.
//!
//! In parts: nothing is held but what the readers keep.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::gathering::Gathering;
use forebay_terminal::Failure;

/// How much is read at once, in bytes.
pub(crate) const READ_BYTES: usize = 128 * 1024;

/// Stands for standard input.
pub(crate) const STDIN: &str = "-";

/// What standard input is called.
pub(crate) const INPUT_NAME: &str = "standard input";

/// Reads all that was named; standard input too, if it `reads_input`.
///
/// # Errors
/// Which file cannot be read, and why.
pub(crate) fn read_all(
    files: &[PathBuf],
    reads_input: bool,
    gathering: &mut Gathering,
) -> Result<(), Failure> {
    if reads_input {
        read(Path::new(STDIN), gathering)?;
    }
    files.iter().try_for_each(|file| read(file, gathering))
}

fn read(path: &Path, gathering: &mut Gathering) -> Result<(), Failure> {
    let mut source: Box<dyn Read> = if path == Path::new(STDIN) {
        gathering.begin(INPUT_NAME);
        Box::new(io::stdin().lock())
    } else {
        gathering.begin(&path.display().to_string());
        Box::new(File::open(path).map_err(|error| cannot_read(path, error))?)
    };
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match source.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(length) => gathering.push(&bytes[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(path, error)),
        }
    }
}

/// Which file cannot be read, and why.
pub(crate) fn cannot_read(path: &Path, error: io::Error) -> Failure {
    Failure::failed(format!("cannot read {}", path.display()), error)
}
