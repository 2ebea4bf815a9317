//! Writes files: whole or not at all, as they were otherwise, and on record before the first is touched.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use forebay_content::{Clock as _, SystemClock};
use forebay_rewrite::apply;
use forebay_rewrite::rules::{FileRecord, Record, Run};
use forebay_terminal::folder::Folder;
use forebay_terminal::plain_file::read_text;
use forebay_terminal::{Failure, FolderLock, Printer};

use super::files::Planned;
use super::follow::followers_last;
use super::replace::{place_of, put, remove_staged, replace};
use super::text::shown_path;

/// The longest file that is compared with what it was, in bytes: those that are read, grown by longer names.
pub(super) const MAX_WRITTEN_BYTES: u64 = 64 << 20;

/// The largest record that is read.
const MAX_RECORD_BYTES: u64 = 256 << 20;

/// What is to be written where.
pub(super) struct Order<'a> {
    /// Where images go, as it was said.
    pub(super) to: &'a str,
    /// The record's path.
    pub(super) record: &'a Path,
    /// Changes are not said a line each.
    pub(super) is_silent: bool,
}

/// Writes what was planned, and says each image that changed. A plan that could not be carried out is dropped.
///
/// # Errors
/// Another run writes, or the record cannot be written: nothing is changed then.
pub(super) fn write(
    planned: &mut Planned,
    order: &Order<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    let record_path = order.record;
    let folder = record_folder(record_path);
    let _lock = FolderLock::take(&folder)?;
    let mut record = read_record(record_path)?;
    let at = RecordAt::of(record_path);
    let files = prepare_all(planned, order, printer);
    let targets = files.iter().map(|file| file.target.clone());
    clear(&at, &record, targets);
    if files.is_empty() {
        return Ok(());
    }
    let mut run = Run {
        to: order.to.to_owned(),
        at_ms: SystemClock::new().now().0,
        files: files.iter().map(|file| file.record.clone()).collect(),
    };
    record.push(run.clone());
    // First: what is written and not on record could not be taken back.
    write_record(&at, &record)?;
    let count = files.len();
    for prepared in files {
        let number = prepared.number;
        let file = &planned.files[number];
        let written = check_followed(planned, number).and_then(|()| {
            replace(&prepared.target, &file.text, &prepared.after)
                .map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            run.files.retain(|one| one.path != prepared.record.path);
            refuse(planned, number, &error, (order, printer));
            continue;
        }
        let path = shown_path(&file.path);
        tell_other_names(&path, prepared.other_names, printer);
        let changes = file.plan.changes.iter().filter(|_| !order.is_silent);
        for change in changes {
            printer.line(format_args!(
                "{path}:{}: {} -> {}",
                change.line, change.from, change.to
            ));
        }
    }
    if run.files.len() < count {
        record.runs.pop();
        record.push(run);
        write_record(&at, &record)?;
    }
    Ok(())
}

/// A file with several names becomes one of its own by those that are written.
pub(super) fn tell_other_names(path: &str, others: u64, printer: &Printer) {
    if others > 0 {
        let others = match others {
            1 => "another name".to_owned(),
            _ => format!("{others} other names"),
        };
        printer.note(format_args!(
            "{path}: was one file with {others} (hard links), under which it stays as it was"
        ));
    }
}

/// What is to be written of each file that would change; those of which that cannot be said are told, and dropped.
fn prepare_all(planned: &mut Planned, order: &Order<'_>, printer: &Printer) -> Vec<Prepared> {
    let mut files: Vec<Prepared> = Vec::new();
    for number in followers_last(&planned.files) {
        let file = &planned.files[number];
        if file.plan.edits.is_empty() {
            continue;
        }
        let prepared =
            check_followed(planned, number).and_then(|()| prepare(number, planned, order.record));
        match prepared {
            Ok(prepared) => files.push(prepared),
            Err(error) => refuse(planned, number, &error, (order, printer)),
        }
    }
    let mut named: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for file in &files {
        *named.entry(file.inode).or_default() += 1;
    }
    for file in &mut files {
        let written = named.get(&file.inode).map_or(0, |count| count - 1);
        file.other_names = file.other_names.saturating_sub(written);
    }
    files
}

/// Whether what a file follows has the names by which it would look for images.
fn check_followed(planned: &Planned, number: usize) -> Result<(), String> {
    let mut followed = planned.files[number].follows.iter();
    let refused = followed.find(|other| planned.files[**other].is_refused);
    refused.map_or(Ok(()), |other| {
        let path = shown_path(&planned.files[*other].path);
        Err(format!(
            "it finds images by the names in {path}, which was not written"
        ))
    })
}

/// A file is not written, and does not count.
fn refuse(
    planned: &mut Planned,
    number: usize,
    error: &str,
    (order, printer): (&Order<'_>, &Printer),
) {
    let file = &mut planned.files[number];
    if order.is_silent {
        file.plan.notes.push(format!("not written: {error}"));
    } else {
        let path = shown_path(&file.path);
        printer.note(format_args!("{path}: not written: {error}"));
    }
    planned.drop_plan(number);
}

/// A file that is about to be written.
struct Prepared {
    /// Its number among those that were planned.
    number: usize,
    /// The file itself, where a link was named.
    target: PathBuf,
    /// Which file it is on the disk, by device and number.
    inode: (u64, u64),
    /// How many names it has there that are not written.
    other_names: u64,
    after: String,
    record: FileRecord,
}

fn prepare(number: usize, planned: &Planned, record_path: &Path) -> Result<Prepared, String> {
    let file = &planned.files[number];
    let told = |error: io::Error| error.to_string();
    let target = place_of(&file.path, &planned.tops).map_err(told)?;
    let (folder, name) = Folder::of_straight(&target).map_err(told)?;
    let opened = folder.open_file(name).map_err(told)?;
    let about = opened.metadata().map_err(told)?;
    let after = apply(&file.text, file.plan.edits.clone()).map_err(|error| error.to_string())?;
    let path = recorded_path(&target, record_path)?;
    let record = FileRecord::new(path, &file.text, &after, &file.plan.edits);
    Ok(Prepared {
        number,
        target,
        inode: (about.dev(), about.ino()),
        other_names: about.nlink().saturating_sub(1),
        after,
        record,
    })
}

/// A file's path from the record's folder, if it lies below; else in full.
fn recorded_path(target: &Path, record_path: &Path) -> Result<String, String> {
    let folder = record_folder(record_path);
    let path = target.strip_prefix(&folder).unwrap_or(target);
    let path = path.to_str().map(str::to_owned);
    path.ok_or_else(|| "its name is not UTF-8, so that it could not be kept on record".to_owned())
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
        Failure::failed(
            format!("cannot read the record {}", shown_path(path)),
            error,
        )
    };
    let text = match read_text(path, MAX_RECORD_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
        read => read.map_err(failed)?,
    };
    Record::parse(&text)
        .map_err(|error| Failure::failed(format!("cannot use {}", shown_path(path)), error))
}

/// Where a record is written: found out once, so that what takes a folder's place meanwhile changes nothing.
pub(super) struct RecordAt<'a> {
    /// As it was named.
    path: &'a Path,
    /// The name itself, in its folder's full path.
    name: PathBuf,
    /// The file, where the name is a link.
    file: PathBuf,
}

impl<'a> RecordAt<'a> {
    pub(super) fn of(path: &'a Path) -> Self {
        let name = record_folder(path).join(path.file_name().unwrap_or_default());
        let file = fs::canonicalize(path).unwrap_or_else(|_| name.clone());
        Self { path, name, file }
    }
}

/// Takes away what runs on this record that were killed have left, beside these files and those on record.
pub(super) fn clear(at: &RecordAt<'_>, record: &Record, files: impl Iterator<Item = PathBuf>) {
    let folder = at.name.parent().unwrap_or(Path::new("/"));
    // A record comes with a repository, written by anybody: no path of it leads out.
    let is_inside = |path: &&Path| {
        let mut parts = path.components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let recorded = record.runs.iter().flat_map(|run| &run.files);
    let recorded = recorded.map(|file| Path::new(&file.path));
    let recorded = recorded.filter(is_inside).map(|path| folder.join(path));
    let own = [at.file.clone()];
    remove_staged(&files.chain(recorded).chain(own).collect());
}

/// Writes the record, or removes it where nothing is in it.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_record(at: &RecordAt<'_>, record: &Record) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let what = format!("cannot write the record {}", shown_path(at.path));
        Failure::failed(what, error)
    };
    if record.runs.is_empty() {
        let (folder, name) = Folder::of_straight(&at.name).map_err(failed)?;
        return match folder.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
    }
    let text = record
        .to_json()
        .map_err(|error| failed(io::Error::other(error)))?;
    let (folder, name) = Folder::of_straight(&at.file).map_err(failed)?;
    put(&folder, name, &text, None).map_err(failed)
}
