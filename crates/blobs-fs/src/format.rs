//! The format of a data directory: which one it has, and how to bring an older one up to ours.
//!
//! `<dir>/format` holds the number. It covers everything in the directory, not only the blobs.

use std::io;
use std::path::Path;

use crate::disk::{Disk, read_full, sync_dir};
use crate::error::DataError;

/// The format that this program reads and writes.
pub const FORMAT: u32 = 1;

/// What may lie in a directory that is still to become a data directory: our lock, what a crash left of our first step,
/// and what `mkfs` puts on a fresh volume.
const EMPTY_BUT_FOR: [&str; 3] = ["lock", NEW_FILE, "lost+found"];

const FILE: &str = "format";
const NEW_FILE: &str = "format.new";

/// A format number and a newline are shorter.
const MAX_FILE_BYTES: usize = 16;

/// A step from one format to the next. Must bear being repeated: a crash may come before the new number is written.
type Migration = fn(&Path, &dyn Disk) -> io::Result<()>;

/// The step that leads from format `i + 1` to format `i + 2`, for each `i`. Append only.
const MIGRATIONS: [Migration; FORMAT as usize - 1] = [];

/// Makes the directory `dir`, locked by the caller, one of our format. Waits for the disk.
///
/// An empty one is marked, an older one migrated.
///
/// # Errors
/// [`DataError::Newer`], [`DataError::Foreign`] and [`DataError::Unreadable`] where it must not be touched.
pub fn ensure_format(dir: &Path, disk: &dyn Disk) -> Result<(), DataError> {
    let found = match find(dir, disk)? {
        Some(found) => found,
        None if is_empty(dir, disk)? => return write(dir, disk, FORMAT),
        None => return Err(DataError::Foreign(dir.to_owned())),
    };
    if found > FORMAT {
        let known = FORMAT;
        return Err(DataError::Newer { found, known });
    }
    for (to, migrate) in (2..).zip(MIGRATIONS) {
        if to > found {
            migrate(dir, disk).map_err(failed("migrate", dir))?;
            write(dir, disk, to)?;
        }
    }
    Ok(())
}

/// Whether `dir` says which format it has, rightly or wrongly: whether it has ever been a data directory.
///
/// # Errors
/// It cannot be looked at.
pub fn has_format(dir: &Path) -> io::Result<bool> {
    dir.join(FILE).try_exists()
}

fn find(dir: &Path, disk: &dyn Disk) -> Result<Option<u32>, DataError> {
    let path = dir.join(FILE);
    let file = match disk.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", &path)(error)),
    };
    let mut bytes = [0; MAX_FILE_BYTES];
    let count = read_full(disk, &file, &mut bytes, 0).map_err(failed("read", &path))?;
    let number = std::str::from_utf8(&bytes[..count])
        .ok()
        .and_then(|text| text.trim_end().parse().ok())
        .filter(|number| *number > 0);
    number.map(Some).ok_or(DataError::Unreadable(path))
}

fn is_empty(dir: &Path, disk: &dyn Disk) -> Result<bool, DataError> {
    let names = disk.names(dir).map_err(failed("read", dir))?;
    Ok(names
        .iter()
        .all(|name| EMPTY_BUT_FOR.iter().any(|known| name == known)))
}

fn write(dir: &Path, disk: &dyn Disk, number: u32) -> Result<(), DataError> {
    let (path, new_path) = (dir.join(FILE), dir.join(NEW_FILE));
    let replace = || {
        match disk.remove(&new_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.create(&new_path)?;
        disk.write_at(&file, format!("{number}\n").as_bytes(), 0)?;
        disk.sync(&file)?;
        disk.rename(&new_path, &path)?;
        sync_dir(disk, dir)
    };
    replace().map_err(failed("write", &path))
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io {
        action,
        path: path.clone(),
        source,
    }
}
