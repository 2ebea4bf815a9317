//! What `rewrite` says: the result to standard output, remarks to standard error, so that a diff can be piped.

use std::fmt::Write as _;
use std::path::Path;

use forebay_rewrite::rules::{collisions, unified_diff};
use forebay_terminal::Printer;

use super::files::Planned;

/// The longest text of a file that is shown in one line.
const MAX_SHOWN_CHARS: usize = 120;

/// Everything that would change, as a unified diff.
pub(super) fn diff(planned: &Planned, printer: &Printer) {
    for file in &planned.files {
        if !file.plan.edits.is_empty() {
            let path = shown_path(&file.path);
            printer.raw(unified_diff(&path, &file.text, &file.plan.edits).as_bytes());
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

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A path as a diff has it: without `./` before it.
pub(super) fn shown_path(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

/// A text of a file in one line, without what a terminal would obey.
fn in_one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().take(MAX_SHOWN_CHARS) {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_control() => {
                let _ = write!(line, "{}", c.escape_default());
            }
            c => line.push(c),
        }
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
