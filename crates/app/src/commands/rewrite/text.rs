//! What `rewrite` says: the result to standard output, remarks to standard error, so that a diff can be piped.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use forebay_rewrite::rules::{Goal, ImageCopy, collisions, copies, quoted_name, unified_diff};
use forebay_setup::command_line;
use forebay_terminal::Printer;

use super::DEFAULT_RECORD;
use super::files::Planned;
use super::write::record_folder;

/// The longest text of a file that is shown in one line.
const MAX_SHOWN_CHARS: usize = 120;

/// The most images that are to be copied which are shown; JSON has all.
const MAX_SHOWN_COPIES: usize = 50;

/// Everything that would change, as a unified diff.
pub(super) fn diff(planned: &Planned, printer: &Printer) {
    for file in &planned.files {
        if !file.plan.edits.is_empty() {
            let path = below_here(&file.path).as_os_str().as_bytes();
            printer.raw(unified_diff(path, &file.text, &file.plan.edits).as_bytes());
        }
    }
}

/// Each image that changes, a line each.
pub(super) fn changes(planned: &Planned, printer: &Printer) {
    for file in &planned.files {
        let path = shown_path(&file.path);
        for change in &file.plan.changes {
            printer.line(format_args!(
                "{path}:{}: {} -> {}",
                change.line, change.from, change.to
            ));
        }
    }
}

/// What is left to a person, and how much it was.
pub(super) fn remarks(planned: &Planned, is_written: bool, printer: &Printer) {
    let mut unsure = 0;
    for file in &planned.files {
        let path = shown_path(&file.path);
        for one in &file.plan.unsure {
            unsure += 1;
            let text = in_one_line(&one.text);
            printer.note(format_args!(
                "{path}:{}: left as it is: {text}: {}",
                one.line, one.why
            ));
        }
        for note in &file.plan.notes {
            printer.note(format_args!("{path}: {note}"));
        }
    }
    let changes = planned.files.iter().flat_map(|file| &file.plan.changes);
    for (to, from) in collisions(changes.clone()) {
        printer.note(format_args!(
            "warning: {} become one: {to}",
            from.join(" and ")
        ));
    }
    let files = planned.files.iter();
    let files = files.filter(|file| !file.plan.edits.is_empty()).count();
    let done = if is_written {
        "changed"
    } else {
        "would change"
    };
    printer.note(format_args!(
        "{} in {} {done}, {} left as is, of {} read",
        counted(changes.count(), "image"),
        counted(files, "file"),
        counted(unsure, "place"),
        counted(planned.read, "file"),
    ));
    let mut reasons = planned.files.iter().flat_map(|file| &file.plan.unsure);
    if reasons.any(|one| one.why.ends_with("is not set here")) {
        printer.note("hint: say what a variable is with --set NAME=VALUE");
    }
}

/// The images that have to be copied before the files are used, as commands.
pub(super) fn copy_first(planned: &Planned, goal: &Goal, printer: &Printer) {
    let changes = planned.files.iter().flat_map(|file| &file.plan.changes);
    let copies = copies(goal, changes);
    let (rivals, copies): (Vec<ImageCopy>, _) = copies.into_iter().partition(|copy| copy.has_rival);
    if copies.is_empty() {
        return;
    }
    printer.note(match copies.len() {
        1 => "copy this image first, unless it is there already:".to_owned(),
        count => format!("copy these {count} images first, unless they are there already:"),
    });
    let shown = &copies[..copies.len().min(MAX_SHOWN_COPIES)];
    let mut told = BTreeSet::new();
    let commands = [
        shown.iter().map(|copy| Some(copy.login())).collect(),
        shown.iter().map(ImageCopy::create_repository).collect(),
        shown
            .iter()
            .map(|copy| Some(copy.skopeo()))
            .collect::<Vec<_>>(),
    ];
    for command in commands.into_iter().flatten().flatten() {
        if told.insert(command.clone()) {
            printer.note(format_args!("  {command}"));
        }
    }
    if copies.len() > shown.len() {
        let more = copies.len() - shown.len();
        printer.note(format_args!("  and {more} more: --json has all"));
    }
    if !rivals.is_empty() {
        printer.note("not shown are those that become one: only one of each can be copied");
    }
    printer.note(
        "with docker instead of skopeo: docker buildx imagetools create --prefer-index=false --tag TARGET SOURCE",
    );
}

/// How what was written is taken back; files that do not lie below the record's folder are to be named again.
pub(super) fn way_back(planned: &Planned, record: &Path, named: &[PathBuf], printer: &Printer) {
    let folder = record_folder(record);
    let mut written = planned
        .files
        .iter()
        .filter(|file| !file.plan.edits.is_empty());
    let is_below = |path: &Path| fs::canonicalize(path).is_ok_and(|path| path.starts_with(&folder));
    let is_elsewhere = written.any(|file| !is_below(&file.path));
    let named = if is_elsewhere { named } else { &[] };
    printer.note(format_args!(
        "to take it back: {}",
        undo_command(record, named)
    ));
}

/// The command that takes back the last run on a record.
pub(super) fn undo_command(record: &Path, named: &[PathBuf]) -> String {
    let word = |path: &Path| path.to_string_lossy().into_owned();
    let mut command = ["forebay", "rewrite", "--undo"].map(str::to_owned).to_vec();
    command.extend(named.iter().map(|path| word(path)));
    if record != Path::new(DEFAULT_RECORD) {
        command.extend(["--record".to_owned(), word(record)]);
    }
    command_line(&command)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A path as it is shown: without `./` before it, and in quotes where a terminal would obey it.
pub(super) fn shown_path(path: &Path) -> Cow<'_, str> {
    quoted_name(below_here(path).as_os_str().as_bytes())
}

fn below_here(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// The beginning of a file's text, in one line.
fn in_one_line(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}
