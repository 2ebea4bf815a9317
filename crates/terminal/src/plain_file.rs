//! Reads files, and nothing that could have its reader wait or never end, such as a pipe or a device.
//!
//! Opened without waiting: an open that waits for a pipe's writer could not be given up.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

pub use forebay_config::at_once;

/// Opens whatever it is at once: reads of it do not wait either.
///
/// # Errors
/// It cannot be opened.
pub fn open_at_once(path: &Path) -> io::Result<fs::File> {
    at_once().read(true).open(path)
}

/// Opens a file.
///
/// # Errors
/// It cannot be opened, or is no file.
pub fn open(path: &Path) -> io::Result<fs::File> {
    refuse_others(open_at_once(path)?)
}

/// The file, if it is one.
pub(crate) fn refuse_others(file: fs::File) -> io::Result<fs::File> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(io::Error::other(if kind.is_dir() {
        "it is a folder, and no file"
    } else {
        "it is a pipe or a device, and no file"
    }))
}

/// The text of a file of at most so many bytes.
///
/// # Errors
/// It is no file, longer, or no UTF-8.
pub fn read_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    text_of(open(path)?, max_bytes)
}

/// The same of an open file.
///
/// # Errors
/// It is longer, or no UTF-8.
pub fn text_of(file: fs::File, max_bytes: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    // One more, to see that there is more.
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let why = format!("it is longer than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_file_or_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 5).unwrap(), "12345");
        let told = |path: &Path| read_text(path, 4).unwrap_err().to_string();
        assert_eq!(told(&file), "it is longer than 4 bytes");
        assert_eq!(told(folder.path()), "it is a folder, and no file");
        assert_eq!(
            told(Path::new("/dev/zero")),
            "it is a pipe or a device, and no file"
        );
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(told(&pipe), "it is a pipe or a device, and no file");
        fs::write(&file, b"\xff").unwrap();
        assert_eq!(told(&file), "it is no text in UTF-8");
    }
}
