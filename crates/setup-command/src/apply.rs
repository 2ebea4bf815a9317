//! Writes a plan's files, all of them or none, and undoes it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use forebay_setup::{
    BoxError, Client, FileChange, Plan, Record, Undo, Written, difference, without_secrets,
};
use forebay_terminal::whole_file::{self, Mode};
use forebay_terminal::{Failure, Printer};

use crate::disk::Disk;

/// The mode of a file that was not there.
const NEW_MODE: u32 = 0o644;

/// A record holds what files held, which may be for few eyes.
const RECORD_MODE: u32 = 0o600;

/// What became of the other files where one cannot be written.
const NOTHING_WRITTEN: &str = "nothing was written";
const ONLY_THE_RECORD: &str =
    "the client's files are as they were before --write; only the record is left: delete it";

/// A file, and what is to stand there; `None` takes it away.
struct Writing {
    path: String,
    now: Option<String>,
    text: Option<String>,
}

/// Writes the files of a plan, and takes back what an earlier set-up wrote that this one does not. Whether anything was
/// written.
///
/// # Errors
/// A file cannot be written; then all are as they were.
pub(crate) fn write(plan: &Plan, disk: &Disk, printer: &Printer) -> Result<bool, Failure> {
    if plan.files.is_empty() {
        return Ok(false);
    }
    let old = disk.record();
    let mut record = old.clone();
    let mut writings = Vec::new();
    for written in stale(&old, plan) {
        let now = read_now(disk, &written.path)?;
        if written.undo(now.as_deref()) == Undo::Refuse {
            // It stays in the record, for --undo to speak of.
            printer.note(format_args!(
                "left as it is, for it was changed since: {}",
                written.path
            ));
            continue;
        }
        writings.extend(take_back(written, now));
        record.files.retain(|other| other.path != written.path);
    }
    for change in &plan.files {
        let now = read_now(disk, &change.path)?;
        let noted = record.note(change, now.as_deref());
        noted.map_err(|since| changed_since(&since.0, now.as_deref(), "written", printer))?;
        writings.push(Writing {
            path: change.path.clone(),
            now,
            text: Some(change.after.clone()).filter(|_| is_kept(change)),
        });
    }
    writings.retain(|writing| writing.now != writing.text);
    if writings.is_empty() {
        printer.note("everything is set up already; nothing was written");
        return Ok(false);
    }
    for writing in &writings {
        record.folders.extend(missing_folders(disk, &writing.path)?);
    }
    let other_names = other_names(disk, &writings);
    put_record(disk, &record, NOTHING_WRITTEN)?;
    if let Err(unwritten) = write_all(disk, &writings) {
        if unwritten.is_put_back {
            // What was there before is what the old record told of; the new one tells of it as well.
            let _ = put_back_record(disk, &old, NOTHING_WRITTEN);
            remove_folders(disk, &record.folders);
        }
        return Err(unwritten.failure);
    }
    for told in &other_names {
        printer.note(told);
    }
    for writing in &writings {
        let did = if writing.text.is_some() {
            "wrote"
        } else {
            "removed"
        };
        printer.note(format_args!("{did} {}", writing.path));
    }
    printer.note(format_args!(
        "what was there before is kept in {}: --undo puts it back",
        disk.record_path()
    ));
    Ok(true)
}

/// What is told once the files are written: one with several names becomes one of its own by the client's.
fn other_names(disk: &Disk, writings: &[Writing]) -> Vec<String> {
    let told = writings.iter().filter_map(|writing| {
        let place = disk.place(&writing.path).ok()?;
        let (names, links) = match fs::metadata(place).ok()?.nlink() {
            0 | 1 => return None,
            2 => ("another name".to_owned(), "a hard link"),
            all => (format!("{} other names", all - 1), "hard links"),
        };
        Some(format!(
            "{} was one file with {names} ({links}), under which it stays as it was",
            writing.path
        ))
    });
    told.collect()
}

/// A plan that leaves nothing where nothing was wants no file.
fn is_kept(change: &FileChange) -> bool {
    change.before.is_some() || !change.after.is_empty()
}

fn stale<'a>(old: &'a Record, plan: &'a Plan) -> impl Iterator<Item = &'a Written> {
    let is_planned = |path: &str| plan.files.iter().any(|change| change.path == path);
    old.files
        .iter()
        .filter(move |written| !is_planned(&written.path))
}

/// What undoes a file that nobody changed since; `None` if it is as it was.
fn take_back(written: &Written, now: Option<String>) -> Option<Writing> {
    let text = match written.undo(now.as_deref()) {
        Undo::Done | Undo::Refuse => return None,
        Undo::Restore(text) => Some(text),
        Undo::Remove => None,
    };
    let path = written.path.clone();
    Some(Writing { path, now, text })
}

/// Puts back what the record of a set-up says.
///
/// # Errors
/// A file was changed since, or cannot be written; then all are as they were.
pub(crate) fn undo(disk: &Disk, client: Client, printer: &Printer) -> Result<(), Failure> {
    let record = disk.record();
    let mut writings = Vec::new();
    for written in &record.files {
        let now = read_now(disk, &written.path)?;
        if written.undo(now.as_deref()) == Undo::Refuse {
            return Err(changed_since(written, now.as_deref(), "undone", printer));
        }
        writings.extend(take_back(written, now));
    }
    let other_names = other_names(disk, &writings);
    write_all(disk, &writings).map_err(|unwritten| unwritten.failure)?;
    for told in &other_names {
        printer.note(told);
    }
    put_back_record(disk, &Record::new(), ONLY_THE_RECORD)?;
    remove_folders(disk, &record.folders);
    for writing in &writings {
        let did = if writing.text.is_some() {
            "restored"
        } else {
            "removed"
        };
        printer.note(format_args!("{did} {}", writing.path));
    }
    printer.note(match client {
        Client::Ecs | Client::Kaniko => {
            "what is deployed stays as it is until it is deployed again"
        }
        Client::GithubActions | Client::GitlabCi => "the next run of the pipeline goes by it",
        Client::Kind => "a cluster stays as it is until it is made again",
        _ => "the client must read its files again, as after --write",
    });
    Ok(())
}

/// Takes folders away that were made for files. One that others have put something into stays.
fn remove_folders(disk: &Disk, folders: &[String]) {
    for folder in folders.iter().rev() {
        if let Ok(place) = disk.place(folder) {
            let _ = fs::remove_dir(place);
        }
    }
}

/// Why nothing was written, or undone: `done`.
fn changed_since(written: &Written, now: Option<&str>, done: &str, printer: &Printer) -> Failure {
    let path = &written.path;
    let Some(now) = now else {
        let what = format!("{path} was taken away since it was set up; nothing was {done}");
        return Failure::plain(what).with_hint(
            "put it back as it was, or take what else is Forebay's out by hand and delete the record",
        );
    };
    printer.note(format_args!("changed since in {path}:"));
    let shown = |text| without_secrets(path, text);
    let told = difference(path, &shown(&written.after), &shown(now));
    if told.is_empty() {
        printer.note("  a secret, which is not shown");
    } else {
        printer.notes(told.trim_end());
    }
    Failure::plain(format!(
        "{path} was changed since it was set up; nothing was {done}"
    ))
    .with_hint(
        "put that change back and try again, or take Forebay out by hand and delete the record",
    )
}

fn read_now(disk: &Disk, path: &str) -> Result<Option<String>, Failure> {
    let read = disk.read_now(path);
    read.map_err(|error| Failure::failed(format!("cannot read {path}"), error))
}

/// Why files were not written.
struct Unwritten {
    failure: Failure,
    /// Whether all are as they were.
    is_put_back: bool,
}

fn write_all(disk: &Disk, writings: &[Writing]) -> Result<(), Unwritten> {
    for (done, writing) in writings.iter().enumerate() {
        if let Err(error) = put(disk, &writing.path, writing.text.as_deref(), None) {
            let is_left = |earlier: &&Writing| {
                put(disk, &earlier.path, earlier.now.as_deref(), None).is_err()
            };
            let left = writings[..done].iter().filter(is_left);
            let left: Vec<&str> = left.map(|earlier| earlier.path.as_str()).collect();
            let told = if left.is_empty() {
                NOTHING_WRITTEN.to_owned()
            } else {
                let left = left.join(", ");
                format!(
                    "written before that, and not to be put back: {left}; --undo does it once it can be"
                )
            };
            return Err(Unwritten {
                failure: unwritable(&writing.path, error, &told),
                is_put_back: left.is_empty(),
            });
        }
    }
    Ok(())
}

/// A file that cannot be written, and what became of the others.
fn unwritable(path: &str, error: BoxError, told: &str) -> Failure {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let failure = Failure::failed(format!("cannot write {path}"), error);
    match kind {
        Some(io::ErrorKind::PermissionDenied) => failure.with_hint(format!(
            "this file is root's: run the same command with sudo; {told}"
        )),
        _ => failure.with_hint(told),
    }
}

fn put_record(disk: &Disk, record: &Record, told: &str) -> Result<(), Failure> {
    let path = disk.record_path();
    let put = put(disk, path, Some(&record.to_text()), Some(RECORD_MODE));
    put.map_err(|error| unwritable(path, error, told))
}

/// An empty record is no file.
fn put_back_record(disk: &Disk, record: &Record, told: &str) -> Result<(), Failure> {
    if !record.files.is_empty() {
        return put_record(disk, record, told);
    }
    let path = disk.record_path();
    put(disk, path, None, None).map_err(|error| unwritable(path, error, told))
}

/// The folders above a file that are not there, the outer before the inner.
fn missing_folders(disk: &Disk, path: &str) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    for folder in Path::new(path).ancestors().skip(1) {
        let name = folder.to_string_lossy().into_owned();
        if name.is_empty() || name == "/" {
            break;
        }
        let place = disk
            .place(&name)
            .map_err(|error| unwritable(&name, error, NOTHING_WRITTEN))?;
        if place.exists() {
            break;
        }
        missing.insert(0, name);
    }
    Ok(missing)
}

/// Puts a text in a file's place at once: whoever reads sees the old or the new. Mode and owner stay.
fn put(disk: &Disk, path: &str, text: Option<&str>, mode: Option<u32>) -> Result<(), BoxError> {
    let place = disk.place(path)?;
    let Some(text) = text else {
        if disk.is_link(path) {
            return Err("it is a link now, which no set-up made".into());
        }
        return match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
    };
    let folder = place.parent().ok_or("it has no folder")?;
    fs::create_dir_all(folder)?;
    let old = fs::metadata(&place).ok();
    let kept = old.as_ref().map(|old| old.mode() & 0o7777);
    let mode = Mode::Exactly(mode.or(kept).unwrap_or(NEW_MODE));
    let staged = stage_of(&place);
    // One that a crash left behind.
    let _ = fs::remove_file(&staged);
    whole_file::put((&staged, &place), text.as_bytes(), mode, old.as_ref())?;
    Ok(())
}

fn stage_of(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.forebay-new"))
}
