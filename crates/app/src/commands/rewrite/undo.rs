//! `rewrite --undo`: takes back what the last run wrote, all of it or nothing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use forebay_rewrite::rules::{FileRecord, Record, RecordError, Run};
use forebay_terminal::plain_file::read_text;
use forebay_terminal::{ExitStatus, Failure, FolderLock, Printer};

use super::later::{Later, find_later};
use super::replace::replace;
use super::text::{shown_path, undo_command};
use super::write::{
    MAX_WRITTEN_BYTES, RecordAt, clear, read_record, record_folder, tell_other_names, write_record,
};
use crate::commands::files::{is_skipped, near};

const HINT: &str = "take back by hand what was done since, then try again; a later rewrite with another --record is undone \
                    first";

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
    let at = RecordAt::of(record_path);
    // One that was killed on its way back may have left what it was about to put in a file's place.
    clear(&at, &record, [].into_iter());
    let Some(run) = record.runs.pop() else {
        let what = format!(
            "there is no record of a rewrite at {}",
            shown_path(record_path)
        );
        return Err(Failure::plain(what)
            .with_hint("go to the folder where rewrite --write ran, or name its --record"));
    };
    let found = find(&run, record_path, named, printer)?;
    let now = found.iter().map(|one| (one.path.clone(), one.now.clone()));
    let search = find_later(record_path, run.at_ms, &now.collect());
    if let Some(later) = search.later {
        return Err(refuse_before(&later));
    }
    if let Some(why) = search.cut {
        printer.note(format_args!(
            "not all records of later rewrites were looked for: {why}; one that was not found is to be taken back before this"
        ));
    }
    for (one, before) in &texts_before(&found, record_path, printer)? {
        put_back(one, before, &folder, printer)?;
    }
    write_record(&at, &record)?;
    tell_rest(&record, printer);
    Ok(ExitStatus::Ok)
}

/// A file of a run, as it is now.
struct Found<'a> {
    file: &'a FileRecord,
    path: PathBuf,
    now: String,
    /// Who has it taken back named it, and so says that it was rewritten.
    is_named: bool,
}

/// All files of a run.
fn find<'a>(
    run: &'a Run,
    record: &Path,
    named: &[PathBuf],
    printer: &Printer,
) -> Result<Vec<Found<'a>>, Failure> {
    let folder = record_folder(record);
    let named: Vec<PathBuf> = named
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let mut found = Vec::new();
    for file in &run.files {
        let read = place(&file.path, (record, &folder), &named).and_then(|path| {
            let now = read_text(&path, MAX_WRITTEN_BYTES).map_err(|error| {
                Failure::failed(format!("cannot read {}", shown(&file.path)), error)
            })?;
            let is_named = named.iter().any(|named| path.starts_with(named));
            Ok(Found {
                file,
                path,
                now,
                is_named,
            })
        });
        match read {
            Ok(one) => found.push(one),
            Err(failure) => forebay_terminal::report(&failure, printer),
        }
    }
    if found.len() < run.files.len() {
        return Err(Failure::plain("nothing was taken back").with_hint(HINT));
    }
    Ok(found)
}

/// The files that are to be as they were, and how that was. One that was on record and never written is none of them, nor one
/// that a run took back which did not end.
fn texts_before<'a>(
    found: &'a [Found<'a>],
    record: &Path,
    printer: &Printer,
) -> Result<Vec<(&'a Found<'a>, String)>, Failure> {
    let mut texts = Vec::new();
    let mut is_whole = true;
    for one in found.iter().filter(|one| !one.file.is_before(&one.now)) {
        match before(one, record) {
            Ok(before) => texts.push((one, before)),
            Err(failure) => {
                is_whole = false;
                forebay_terminal::report(&failure, printer);
            }
        }
    }
    if is_whole {
        return Ok(texts);
    }
    Err(Failure::plain("nothing was taken back").with_hint(HINT))
}

/// Another record's run is taken back first: it changed what this one had written.
fn refuse_before(later: &Later) -> Failure {
    let record = later.record.to_string_lossy();
    let files = match later.files {
        1 => "a file of these was".to_owned(),
        count => format!("{count} of these files were"),
    };
    let what = format!(
        "{files} rewritten since, on the record {}; nothing was taken back",
        shown(&record)
    );
    let undo = undo_command(&later.record, &[]);
    Failure::plain(what).with_hint(format!("take that back first: {undo}"))
}

fn put_back(
    one: &Found<'_>,
    before: &str,
    folder: &Path,
    printer: &Printer,
) -> Result<(), Failure> {
    let shown = shown_path(one.path.strip_prefix(folder).unwrap_or(&one.path));
    let others = fs::metadata(&one.path).map_or(0, |about| about.nlink().saturating_sub(1));
    replace(&one.path, &one.now, before).map_err(|error| {
        Failure::failed(format!("cannot write {shown}"), error)
            .with_hint("once that is mended, --undo goes on")
    })?;
    printer.line(format_args!("{shown}: as it was"));
    tell_other_names(&shown, others, printer);
    Ok(())
}

/// What else could be taken back.
fn tell_rest(record: &Record, printer: &Printer) {
    if let Some(run) = record.runs.last() {
        printer.note(format_args!(
            "{} on this record; --undo again takes back the one to {}",
            match record.runs.len() {
                1 => "1 rewrite is left".to_owned(),
                count => format!("{count} rewrites are left"),
            },
            run.to
        ));
    }
}

/// A name of a record's, as it is shown.
fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    forebay_rewrite::rules::quoted_name(name.as_bytes())
}

/// Where a file of the record is. A record comes with a repository, written by anybody: what lies outside of its folder, and
/// what no run comes upon by itself, is taken back only if it was named again; what lies behind a link, never: runs record
/// files by names without links, so that it came afterwards.
fn place(
    path: &str,
    (record, folder): (&Path, &Path),
    named: &[PathBuf],
) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::failed(format!("cannot read {}", shown(path)), error);
    let straight = folder.join(path);
    let place = fs::canonicalize(&straight).map_err(failed)?;
    let is_plain =
        |part: Component<'_>| matches!(part, Component::Normal(name) if !is_skipped(name));
    let is_inside = Path::new(path).components().all(is_plain)
        && place
            .strip_prefix(folder)
            .is_ok_and(|inside| inside.components().all(is_plain));
    if !is_inside && !named.iter().any(|named| place.starts_with(named)) {
        let what = format!(
            "{path:?} is not one of the files below {}",
            shown_path(folder)
        );
        return Err(Failure::plain(what).with_hint(format!(
            "if you had it rewritten, name it: {}",
            undo_command(record, &[place])
        )));
    }
    if place != straight {
        let what = format!("{} is a link now, or lies behind one", shown(path));
        return Err(Failure::plain(what));
    }
    Ok(place)
}

/// A file as it was.
fn before(one: &Found<'_>, record: &Path) -> Result<String, Failure> {
    let failed = |error| {
        let what = format!("cannot take back {}", shown(&one.file.path));
        let (is_unfound, is_foreign) = (
            matches!(error, RecordError::Unfound { .. }),
            matches!(error, RecordError::Foreign { .. }),
        );
        let failure = Failure::failed(what, error);
        match (is_unfound, is_foreign) {
            (true, _) => failure.with_hint(format!(
                "if you had it rewritten, with --crd or --set perhaps, name it: {}",
                undo_command(record, std::slice::from_ref(&one.path))
            )),
            (_, true) => failure.with_hint(
                "a record that came with others' files is to be deleted; take back by hand what you had rewritten",
            ),
            _ => failure,
        }
    };
    let before = one.file.undo(&one.now).map_err(failed)?;
    let settings = near(&one.path, before.as_bytes());
    let path = one.path.to_string_lossy();
    let images = forebay_rewrite::find(&path, before.as_bytes(), &settings);
    one.file.check(&images, one.is_named).map_err(failed)?;
    Ok(before)
}
