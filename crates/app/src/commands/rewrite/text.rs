//! What `rewrite` says: the result to standard output, remarks to standard error, so that a diff can be piped.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use forebay_limits::{counted, shown};
use forebay_rewrite::rules::{Goal, ImageCopy, collisions, copies, quoted_name, unified_diff};
use forebay_setup::command_line;
use forebay_terminal::Printer;

use super::DEFAULT_RECORD;
use super::files::Planned;
use super::write::record_folder;

/// The longest text of a file that is shown in one line, in bytes.
const MAX_SHOWN_BYTES: usize = 120;

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
    let (mut left, mut unpinned) = (0_u64, 0_u64);
    for file in &planned.files {
        let path = shown_path(&file.path);
        for one in &file.plan.unsure {
            let (count, what) = if one.is_unpinned {
                (&mut unpinned, "not pinned")
            } else {
                (&mut left, "left as it is")
            };
            *count += 1;
            let text = shown(&one.text, MAX_SHOWN_BYTES);
            printer.note(format_args!(
                "{path}:{}: {what}: {text}: {}",
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
    let unpinned = match unpinned {
        0 => String::new(),
        count => format!("{count} not pinned, "),
    };
    printer.note(format_args!(
        "{} in {} {done}, {} left as is, {unpinned}of {} read",
        counted(changes.count() as u64, "image"),
        counted(files as u64, "file"),
        counted(left, "place"),
        counted(planned.read as u64, "file"),
    ));
    let mut reasons = planned.files.iter().flat_map(|file| &file.plan.unsure);
    if reasons.any(|one| one.why.ends_with("is not set here")) {
        printer.note("hint: say what a variable is with --set NAME=VALUE");
    }
}

/// The images that have to be copied before the files are used, as commands, and those of which that is not known.
pub(super) fn copy_first(planned: &Planned, goal: &Goal, printer: &Printer) {
    let changes = planned.files.iter().flat_map(|file| &file.plan.changes);
    let copies = copies(goal, changes);
    commands(copies.first, printer);
    tell_untold(&copies.untold, printer);
    tell_open(&copies.open, printer);
}

fn commands(copies: Vec<ImageCopy>, printer: &Printer) {
    let (rivals, copies): (Vec<ImageCopy>, _) = copies.into_iter().partition(|copy| copy.has_rival);
    let not_shown = "not shown are those that become one: only one of each can be copied";
    if copies.is_empty() {
        if !rivals.is_empty() {
            printer.note(format_args!("images have to be copied first; {not_shown}"));
        }
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
    tell_more(copies.len(), printer);
    if !rivals.is_empty() {
        printer.note(not_shown);
    }
    printer.note(
        "with docker instead of skopeo: docker buildx imagetools create --prefer-index=false --tag TARGET SOURCE",
    );
}

/// Images of which only who runs their registry knows whether they come there by themselves.
fn tell_untold(copies: &[ImageCopy], printer: &Printer) {
    let registries: BTreeSet<&str> = copies.iter().map(ImageCopy::registry).collect();
    for registry in registries {
        printer.note(format_args!(
            "unknown whether {registry} fills itself: say `mirror = true` in the rule if it does, `mirror = false` if these have to be copied there first:"
        ));
        let here = copies.iter().filter(|copy| copy.registry() == registry);
        for copy in here.clone().take(MAX_SHOWN_COPIES) {
            printer.note(format_args!("  {} -> {}", copy.from, copy.to));
        }
        tell_more(here.count(), printer);
    }
}

/// Images whose tag is filled in elsewhere.
fn tell_open(open: &[(String, String)], printer: &Printer) {
    if open.is_empty() {
        return;
    }
    printer.note(
        "their tags are not known here: unless their place fills itself, copy those that are used:",
    );
    for (from, to) in open.iter().take(MAX_SHOWN_COPIES) {
        printer.note(format_args!("  {from} -> {to}"));
    }
    tell_more(open.len(), printer);
}

fn tell_more(count: usize, printer: &Printer) {
    if count > MAX_SHOWN_COPIES {
        let more = count - MAX_SHOWN_COPIES;
        printer.note(format_args!("  and {more} more: --json has all"));
    }
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

/// A path as it is shown: without `./` before it, and in quotes where a terminal would obey it.
pub(super) fn shown_path(path: &Path) -> Cow<'_, str> {
    quoted_name(below_here(path).as_os_str().as_bytes())
}

fn below_here(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}
