//! Records beside the one that is taken back: of several runs that wrote one file, the last is taken back first.
//!
//! They are looked for where they can be: beside this record, in the folder one is in, and above and beside the files. One
//! that lies elsewhere is not found; its files have changed since, then, and nothing is taken back either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use forebay_rewrite::rules::{RECORD_HEAD, Record};
use forebay_terminal::plain_file;

use super::DEFAULT_RECORD;
use super::write::{read_record, record_folder};

/// The most names of files and folders that are looked at, in all.
const MAX_FILES: usize = 100_000;

/// The most bytes of records that are read, in all.
const MAX_RECORD_BYTES: u64 = 512 << 20;

/// What the search came to.
pub(super) struct Search {
    /// The one to be taken back first.
    pub(super) later: Option<Later>,
    /// Why it did not come to an end, in one clause.
    pub(super) cut: Option<&'static str>,
}

/// A record with a later run.
pub(super) struct Later {
    /// Where it is.
    pub(super) record: PathBuf,
    /// How many of the files it wrote.
    pub(super) files: usize,
    at_ms: i64,
}

/// The record of whoever wrote one of these files last, after `at_ms`. Files are told with what they hold now.
pub(super) fn find_later(own: &Path, at_ms: i64, files: &BTreeMap<PathBuf, String>) -> Search {
    let (records, is_cut) = records(own, files.keys());
    let mut cut = is_cut.then_some("there are too many files beside these");
    let mut left = MAX_RECORD_BYTES;
    let mut later: Option<Later> = None;
    for path in records {
        let bytes = fs::metadata(&path).map_or(0, |about| about.len());
        let Some(rest) = left.checked_sub(bytes) else {
            cut = Some("the records are too large to be read all");
            continue;
        };
        left = rest;
        // One that cannot be read tells of nothing that could be taken back.
        let found = read_record(&path).ok();
        let found = found.and_then(|record| last_of(&record, &path, files));
        let since = later.as_ref().map_or(at_ms, |later| later.at_ms);
        if let Some(found) = found.filter(|found| found.at_ms > since) {
            later = Some(found);
        }
    }
    Search { later, cut }
}

/// The last run of a record that wrote files as they are now.
fn last_of(record: &Record, path: &Path, files: &BTreeMap<PathBuf, String>) -> Option<Later> {
    let folder = record_folder(path);
    record.runs.iter().rev().find_map(|run| {
        let written = run.files.iter().filter(|file| {
            let now = files.get(&folder.join(&file.path));
            now.is_some_and(|now| file.is_after(now))
        });
        let later = Later {
            record: path.to_path_buf(),
            files: written.count(),
            at_ms: run.at_ms,
        };
        (later.files > 0).then_some(later)
    })
}

/// Other records that may tell of these files, and whether there may be more.
fn records<'a>(own: &Path, files: impl Iterator<Item = &'a PathBuf>) -> (BTreeSet<PathBuf>, bool) {
    let mut tops = vec![record_folder(own)];
    tops.extend(fs::canonicalize("."));
    let mut folders: BTreeSet<PathBuf> = tops.iter().cloned().collect();
    let mut left = MAX_FILES;
    for file in files {
        for folder in file.ancestors().skip(1) {
            // Those above one that is known are known as well, unless it is one of those that were there before.
            if !folders.insert(folder.to_path_buf()) && !tops.iter().any(|top| top == folder) {
                break;
            }
        }
    }
    let mut records = BTreeSet::new();
    for folder in &folders {
        if left == 0 {
            break;
        }
        left -= 1;
        let usual = folder.join(DEFAULT_RECORD);
        if is_record(&usual) {
            records.insert(usual);
        }
        if tops.iter().any(|top| folder.starts_with(top)) {
            records.extend(records_in(folder, &mut left));
        }
    }
    if let Ok(own) = fs::canonicalize(own) {
        records.remove(&own);
    }
    (records, left == 0)
}

/// The records in a folder; `left` is how many names may be looked at yet.
fn records_in(folder: &Path, left: &mut usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut records = Vec::new();
    for entry in entries.take(*left) {
        *left -= 1;
        let file = entry
            .ok()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        records.extend(file.map(|file| file.path()).filter(|path| is_record(path)));
    }
    records
}

fn is_record(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = plain_file::open(path)
        .and_then(|file| file.take(RECORD_HEAD.len() as u64).read_to_end(&mut head));
    read.is_ok() && head == RECORD_HEAD.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_names_are_looked_at_than_are_left() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(folder.path().join(name), RECORD_HEAD).unwrap();
        }
        let mut left = 2;
        assert_eq!(records_in(folder.path(), &mut left).len(), 2);
        assert_eq!(left, 0);
        let mut left = 9;
        assert_eq!(records_in(folder.path(), &mut left).len(), 3);
        assert_eq!(left, 6);
    }
}
