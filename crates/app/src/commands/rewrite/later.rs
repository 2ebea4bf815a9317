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

/// The most folders that are looked into.
const MAX_FOLDERS: usize = 10_000;

/// The most files of one folder that are looked at.
const MAX_FILES: usize = 10_000;

/// A record with a later run.
pub(super) struct Later {
    /// Where it is.
    pub(super) record: PathBuf,
    /// How many of the files it wrote.
    pub(super) files: usize,
    at_ms: i64,
}

/// The record of whoever wrote one of these files last, after `at_ms`. Files are told with what they hold now.
pub(super) fn find_later(
    own: &Path,
    at_ms: i64,
    files: &BTreeMap<PathBuf, String>,
) -> Option<Later> {
    let records = records(own, files.keys());
    let runs = records.into_iter().filter_map(|path| {
        // One that cannot be read tells of nothing that could be taken back.
        let record = read_record(&path).ok()?;
        last_of(&record, &path, files)
    });
    let later = runs.filter(|later| later.at_ms > at_ms);
    later.max_by_key(|later| later.at_ms)
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

/// Other records that may tell of these files.
fn records<'a>(own: &Path, files: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
    let mut tops = vec![record_folder(own)];
    tops.extend(fs::canonicalize("."));
    let mut folders = BTreeSet::new();
    for file in files {
        for folder in file.ancestors().skip(1) {
            // Those above one that is known are known as well.
            if folders.len() >= MAX_FOLDERS || !folders.insert(folder.to_path_buf()) {
                break;
            }
        }
    }
    folders.extend(tops.iter().cloned());
    let mut records = BTreeSet::new();
    for folder in &folders {
        let usual = folder.join(DEFAULT_RECORD);
        if is_record(&usual) {
            records.insert(usual);
        }
        if tops.iter().any(|top| folder.starts_with(top)) {
            records.extend(records_in(folder));
        }
    }
    if let Ok(own) = fs::canonicalize(own) {
        records.remove(&own);
    }
    records
}

fn records_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.take(MAX_FILES).filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let paths = files.map(|entry| entry.path());
    paths.filter(|path| is_record(path)).collect()
}

fn is_record(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = plain_file::open(path)
        .and_then(|file| file.take(RECORD_HEAD.len() as u64).read_to_end(&mut head));
    read.is_ok() && head == RECORD_HEAD.as_bytes()
}
