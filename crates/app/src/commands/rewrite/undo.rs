//! `rewrite --undo`: takes back what the last run wrote, all of it or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use forebay_rewrite::rules::FileRecord;
use forebay_terminal::{ExitStatus, Failure, Printer};

use super::write::{read_record, record_folder, remove_staged, replace, write_record};
use crate::commands::files::is_skipped;
use crate::commands::folder_lock::FolderLock;

const HINT: &str = "take back by hand what was done since, then try again";

/// Takes back the last run on record.
///
/// # Errors
/// There is none, a file has changed since, or one cannot be written.
pub(super) fn undo(
    record_path: &Path,
    named: &[PathBuf],
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
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
    let mut places = BTreeSet::new();
    let named: Vec<PathBuf> = named
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let mut refused = 0;
    for file in &run.files {
        let read =
            place(&file.path, &folder, &named).and_then(|path| Ok((before(file, &path)?, path)));
        match read {
            Ok((now_and_before, path)) => {
                places.insert(path.clone());
                // Without: it was on record, and never written.
                files.extend(now_and_before.map(|(now, before)| (path, now, before)));
            }
            Err(failure) => {
                refused += 1;
                forebay_terminal::report(&failure, printer);
            }
        }
    }
    if refused > 0 {
        return Err(Failure::plain("nothing was taken back").with_hint(HINT));
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
    remove_staged(&places);
    Ok(ExitStatus::Ok)
}

/// Where a file of the record is. A record comes with a repository, written by anybody: what lies outside of its folder, by
/// its path or by a link, and what no run comes upon by itself, is taken back only if it was named again.
fn place(path: &str, folder: &Path, named: &[PathBuf]) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::failed(format!("cannot read {path}"), error);
    let place = fs::canonicalize(folder.join(path)).map_err(failed)?;
    let is_plain =
        |part: Component<'_>| matches!(part, Component::Normal(name) if !is_skipped(name));
    let is_inside = Path::new(path).components().all(is_plain)
        && place
            .strip_prefix(folder)
            .is_ok_and(|inside| inside.components().all(is_plain));
    if is_inside || named.iter().any(|named| place.starts_with(named)) {
        return Ok(place);
    }
    let what = format!(
        "{path:?} is not one of the files below {}",
        folder.display()
    );
    Err(Failure::plain(what).with_hint(format!(
        "if you had it rewritten, name it: forebay rewrite --undo {}",
        place.display()
    )))
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
