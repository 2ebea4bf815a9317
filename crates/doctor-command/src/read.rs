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

/// Reads all that was named; standard input too, if it `reads_input`. The names of those that hold nothing.
///
/// # Errors
/// Which file cannot be read, and why.
pub(crate) fn read_all(
    files: &[PathBuf],
    reads_input: bool,
    gathering: &mut Gathering,
) -> Result<Vec<String>, Failure> {
    let input = reads_input.then_some(Path::new(STDIN));
    let mut empty = Vec::new();
    for path in input.into_iter().chain(files.iter().map(PathBuf::as_path)) {
        if read(path, gathering)? == 0 {
            empty.push(name_of(path));
        }
    }
    Ok(empty)
}

/// All of it is empty: what looks as if nothing were wrong is mostly a program before the pipe that has failed.
pub(crate) fn nothing_read(files: &[PathBuf]) -> Failure {
    let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    let names = if names.is_empty() {
        INPUT_NAME.to_owned()
    } else {
        names.join(", ")
    };
    Failure::plain(format!(
        "nothing was read: there is nothing in {names}, so that nothing is known"
    ))
    .with_hint("look whether the program that should have written it has failed: a pipe hides that")
}

/// What a source is called.
fn name_of(path: &Path) -> String {
    if path == Path::new(STDIN) {
        INPUT_NAME.to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads one to its end; how many bytes there were.
fn read(path: &Path, gathering: &mut Gathering) -> Result<u64, Failure> {
    gathering.begin(&name_of(path));
    let mut source: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| cannot_read(path, error))?)
    };
    let mut bytes = vec![0; READ_BYTES];
    let mut all = 0;
    loop {
        match source.read(&mut bytes) {
            Ok(0) => return Ok(all),
            Ok(length) => {
                gathering.push(&bytes[..length]);
                all += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(path, error)),
        }
    }
}

/// Which file cannot be read, and why.
pub(crate) fn cannot_read(path: &Path, error: io::Error) -> Failure {
    Failure::failed(format!("cannot read {}", path.display()), error)
}
