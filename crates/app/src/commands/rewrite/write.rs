//! Writes files: whole or not at all, as they were otherwise, and on record before the first is touched.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use forebay_rewrite::apply;
use forebay_rewrite::rules::{FileRecord, Record, Run};
use forebay_terminal::{Failure, Printer};

use super::files::{Planned, PlannedFile};
use super::text::shown_path;
use crate::commands::whole_file::{self, Mode};

/// The largest record that is read.
const MAX_RECORD_BYTES: u64 = 256 << 20;

/// Writes what was planned, and says each image that changed; how many files could not be written.
///
/// # Errors
/// The record cannot be written: nothing is changed then.
pub(super) fn write(
    planned: &Planned,
    to: &str,
    record_path: &Path,
    printer: &Printer,
) -> Result<usize, Failure> {
    let mut record = read_record(record_path)?;
    let mut files = Vec::new();
    let mut failed = 0;
    for file in planned
        .files
        .iter()
        .filter(|file| !file.plan.edits.is_empty())
    {
        match prepare(file, record_path) {
            Ok(prepared) => files.push((file, prepared)),
            Err(error) => {
                failed += 1;
                printer.note(format_args!(
                    "{}: not written: {error}",
                    shown_path(&file.path)
                ));
            }
        }
    }
    if files.is_empty() {
        return Ok(failed);
    }
    let mut run = Run {
        to: to.to_owned(),
        files: files
            .iter()
            .map(|(_, prepared)| prepared.record.clone())
            .collect(),
    };
    record.push(run.clone());
    // First: what is written and not on record could not be taken back.
    write_record(record_path, &record)?;
    for (file, prepared) in files {
        let path = shown_path(&file.path);
        if let Err(error) = replace(&prepared.target, &file.text, &prepared.after) {
            failed += 1;
            printer.note(format_args!("{path}: not written: {error}"));
            run.files.retain(|one| one.path != prepared.record.path);
            continue;
        }
        for change in &file.plan.changes {
            printer.line(format_args!(
                "{path}:{}: {} -> {}",
                change.line, change.from, change.to
            ));
        }
    }
    if failed > 0 {
        record.runs.pop();
        record.push(run);
        write_record(record_path, &record)?;
    }
    Ok(failed)
}

/// A file that is about to be written.
struct Prepared {
    /// The file itself, where a link was named.
    target: PathBuf,
    after: String,
    record: FileRecord,
}

fn prepare(file: &PlannedFile, record_path: &Path) -> Result<Prepared, String> {
    let target = fs::canonicalize(&file.path).map_err(|error| error.to_string())?;
    let after = apply(&file.text, file.plan.edits.clone()).map_err(|error| error.to_string())?;
    let path = recorded_path(&target, record_path);
    let record = FileRecord::new(path, &file.text, &after, &file.plan.edits);
    Ok(Prepared {
        target,
        after,
        record,
    })
}

/// A file's path from the record's folder, if it lies below; else in full.
fn recorded_path(target: &Path, record_path: &Path) -> String {
    let folder = record_folder(record_path);
    let path = target.strip_prefix(&folder).unwrap_or(target);
    path.to_string_lossy().into_owned()
}

/// The folder that paths of a record begin at.
pub(super) fn record_folder(record_path: &Path) -> PathBuf {
    let folder = record_path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf())
}

/// The record, or an empty one where there is none yet.
///
/// # Errors
/// It cannot be read.
pub(super) fn read_record(path: &Path) -> Result<Record, Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!("cannot read the record {}", path.display()), error)
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
        Err(error) => return Err(failed(error)),
        Ok(about) if about.len() > MAX_RECORD_BYTES => {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    Record::parse(&text)
        .map_err(|error| Failure::failed(format!("cannot use {}", path.display()), error))
}

/// Writes the record, or removes it where nothing is in it.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_record(path: &Path, record: &Record) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!("cannot write the record {}", path.display()), error)
    };
    if record.runs.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
    }
    let text = record
        .to_json()
        .map_err(|error| failed(io::Error::other(error)))?;
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    put(&target, text.as_bytes(), None).map_err(failed)
}

/// Puts `after` in the place of a file that still is `before`, with its mode and its owner.
///
/// # Errors
/// It has changed, or cannot be written: it is as it was then.
pub(super) fn replace(target: &Path, before: &str, after: &str) -> io::Result<()> {
    let about = fs::metadata(target)?;
    if fs::read(target)? != before.as_bytes() {
        return Err(io::Error::other("it has changed meanwhile"));
    }
    put(target, after.as_bytes(), Some(&about))
}

fn put(target: &Path, content: &[u8], like: Option<&fs::Metadata>) -> io::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let staged = target.with_file_name(format!(".{name}.forebay-{}", std::process::id()));
    let mode = like.map_or(Mode::Usual, |like| Mode::Exactly(like.mode() & 0o7777));
    whole_file::put((&staged, target), content, mode, like)
}
