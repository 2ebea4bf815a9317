//! `rewrite --undo`: takes back what the last run wrote, all of it or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use forebay_rewrite::rules::FileRecord;
use forebay_terminal::{ExitStatus, Failure, Printer};

use super::write::{read_record, record_folder, remove_staged, replace, write_record};
use crate::commands::folder_lock::FolderLock;

/// Takes back the last run on record.
///
/// # Errors
/// There is none, a file has changed since, or one cannot be written.
pub(super) fn undo(record_path: &Path, printer: &Printer) -> Result<ExitStatus, Failure> {
    let folder = record_folder(record_path);
    let _lock = FolderLock::take(&folder)?;
    let mut record = read_record(record_path)?;
    let Some(run) = record.runs.pop() else {
        let what = format!(
            "there is no record of a rewrite at {}",
            record_path.display()
        );
        return Err(Failure::plain(what)
            .with_hint("go to the folder where rewrite --write ran, or name its --record"));
    };
    let mut files: Vec<(PathBuf, String, String)> = Vec::new();
    let mut refused = 0;
    for file in &run.files {
        let path = folder.join(&file.path);
        match before(file, &path) {
            Ok(Some((now, before))) => files.push((path, now, before)),
            // It was on record, and never written.
            Ok(None) => {}
            Err(failure) => {
                refused += 1;
                forebay_terminal::report(&failure, printer);
            }
        }
    }
    if refused > 0 {
        return Err(Failure::plain("nothing was taken back")
            .with_hint("take back by hand what was done since, then try again"));
    }
    for (path, now, before) in &files {
        replace(path, now, before).map_err(|error| {
            Failure::failed(format!("cannot write {}", path.display()), error)
                .with_hint("once that is mended, --undo goes on")
        })?;
        let shown = path.strip_prefix(&folder).unwrap_or(path);
        printer.line(format_args!("{}: as it was", shown.display()));
    }
    write_record(record_path, &record)?;
    // A run that was killed may have left what it was about to put in a file's place.
    remove_staged(
        &run.files
            .iter()
            .map(|file| folder.join(&file.path))
            .collect(),
    );
    Ok(ExitStatus::Ok)
}

/// A file as it is, and as it was; `None` if that is the same.
fn before(file: &FileRecord, path: &Path) -> Result<Option<(String, String)>, Failure> {
    let failed = |error| Failure::failed(format!("cannot read {}", file.path), error);
    let now = fs::read_to_string(path).map_err(failed)?;
    if file.is_before(&now) {
        return Ok(None);
    }
    let before = file
        .undo(&now)
        .map_err(|error| Failure::failed(format!("cannot take back {}", file.path), error))?;
    Ok(Some((now, before)))
}
