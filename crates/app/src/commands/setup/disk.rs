//! The client's files on a disk, below a root, with the record of what was written there.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use forebay_setup::{BoxError, Client, Files, MAX_FILE_BYTES, Record, SetupError};
use forebay_terminal::Failure;

/// The client's files below a root.
pub(super) struct Disk {
    root: PathBuf,
    record_path: String,
    record: Option<Record>,
}

impl Disk {
    /// Reads the record of a client, if there is one.
    ///
    /// # Errors
    /// There is one that cannot be read.
    pub(super) fn open(root: PathBuf, client: Client, file: Option<&str>) -> Result<Self, Failure> {
        if !root.is_dir() {
            return Err(Failure::plain(format!(
                "there is no folder {}",
                root.display()
            )));
        }
        let mut disk = Self {
            root,
            record_path: client.record(file),
            record: None,
        };
        let unreadable = |error: BoxError| {
            let what = format!("cannot read the record {}", disk.record_path);
            Failure::failed(what, error).with_hint("run it as the user who wrote it, or as root")
        };
        let text = disk.read_now(&disk.record_path).map_err(unreadable)?;
        let record = text.map(|text| Record::parse(&text)).transpose();
        disk.record = record.map_err(|error| unreadable(error.into()))?;
        Ok(disk)
    }

    pub(super) fn has_record(&self) -> bool {
        self.record.is_some()
    }

    pub(super) fn record_path(&self) -> &str {
        &self.record_path
    }

    /// The record, an empty one if there is none.
    pub(super) fn record(&self) -> Record {
        self.record.clone().unwrap_or_default()
    }

    /// What stands at a path of the client's now.
    pub(super) fn read_now(&self, path: &str) -> Result<Option<String>, BoxError> {
        let place = self.place(path)?;
        let file = match fs::File::open(&place) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("it is longer than {MAX_FILE_BYTES} bytes").into());
        }
        let text = String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8")?;
        Ok(Some(text))
    }

    /// Where a path of the client's is on this disk, links followed. No link leads out of the root.
    pub(super) fn place(&self, path: &str) -> Result<PathBuf, BoxError> {
        let inside = Path::new(path);
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        let is_whole = self.root == Path::new("/");
        if is_whole && !path.starts_with('/') {
            return Ok(follow(inside)?);
        }
        let place = follow(&self.root.join(inside))?;
        let root = fs::canonicalize(&self.root)?;
        if place.starts_with(&root) {
            return Ok(place);
        }
        Err(format!("{} leads out of {}", path, self.root.display()).into())
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Option<String>, SetupError> {
        let now = self
            .read_now(path)
            .map_err(|source| unreadable(path, source))?;
        Ok(match &self.record {
            Some(record) => record.original(path, now),
            None => now,
        })
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SetupError> {
        let place = self
            .place(path)
            .map_err(|source| unreadable(path, source))?;
        let entries = match fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(path, error.into())),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.collect())
    }
}

fn unreadable(path: &str, source: BoxError) -> SetupError {
    let path = path.to_owned();
    SetupError::Unreadable { path, source }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The path with the links of what exists of it followed.
fn follow(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(place) => Ok(place),
        Err(error) if is_absent(&error) && fs::symlink_metadata(path).is_err() => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Ok(path.to_owned());
            };
            if parent.as_os_str().is_empty() {
                return Ok(path.to_owned());
            }
            Ok(follow(parent)?.join(name))
        }
        Err(error) => Err(error),
    }
}
