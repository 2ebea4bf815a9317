//! `rewrite --json`: what would change or has changed, what is left to a person, and what has to be copied first.

use std::path::Path;

use forebay_limits::without_secrets;
use forebay_rewrite::rules::{Goal, ImageCopy, collisions, copies};
use forebay_terminal::{Failure, Printer};
use serde::Serialize;

use super::files::{Planned, PlannedFile};

#[derive(Serialize)]
struct Report {
    /// Whether files were written.
    is_written: bool,
    files_read: usize,
    /// Those that could not be read or written.
    files_failed: usize,
    changes: Vec<Changed>,
    left: Vec<Left>,
    /// Those whose digest was asked for and could not be told; whether they change, `changes` tells.
    not_pinned: Vec<Left>,
    notes: Vec<Remark>,
    become_one: Vec<BecomeOne>,
    copy_first: Vec<CopyFirst>,
    /// Those of which nobody says whether their place fills itself: `mirror` in the rule does.
    copy_unless_filled: Vec<CopyFirst>,
    /// Those whose tag is filled in elsewhere: the tags that are used.
    copy_used_tags: Vec<CopyTags>,
}

#[derive(Serialize)]
struct CopyTags {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Changed {
    path: String,
    line: usize,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Left {
    path: String,
    line: usize,
    text: String,
    why: String,
}

#[derive(Serialize)]
struct Remark {
    path: String,
    text: String,
}

#[derive(Serialize)]
struct BecomeOne {
    to: String,
    from: Vec<String>,
}

#[derive(Serialize)]
struct CopyFirst {
    from: String,
    to: String,
    /// Another image of this list takes the same place.
    has_rival: bool,
    login: String,
    /// Where a repository must be there before it is pushed to.
    create_repository: Option<String>,
    skopeo: String,
    /// The same by docker, which cannot name a place without a tag.
    imagetools: Option<String>,
}

/// Prints all of it.
///
/// # Errors
/// None in practice: all of it has a form in JSON.
pub(super) fn print(
    planned: &Planned,
    goal: &Goal,
    is_written: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let is_written = is_written && planned.files.iter().any(|file| !file.plan.edits.is_empty());
    let changes = || planned.files.iter().flat_map(|file| &file.plan.changes);
    let become_one = collisions(changes());
    let copies = copies(goal, changes());
    let report = Report {
        is_written,
        files_read: planned.read,
        files_failed: planned.failed,
        changes: planned.files.iter().flat_map(changed).collect(),
        left: left(planned, false),
        not_pinned: left(planned, true),
        notes: planned.files.iter().flat_map(remarks).collect(),
        become_one: become_one
            .into_iter()
            .map(|(to, from)| BecomeOne { to, from })
            .collect(),
        copy_first: copies.first.iter().map(copy_first).collect(),
        copy_unless_filled: copies.untold.iter().map(copy_first).collect(),
        copy_used_tags: copies
            .open
            .into_iter()
            .map(|(from, to)| CopyTags { from, to })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&report)
        .map_err(|error| Failure::failed("cannot write JSON", error))?;
    printer.line(text);
    Ok(())
}

fn changed(file: &PlannedFile) -> impl Iterator<Item = Changed> {
    file.plan.changes.iter().map(|change| Changed {
        path: path(&file.path),
        line: change.line,
        from: change.from.clone(),
        to: change.to.clone(),
    })
}

fn left(planned: &Planned, is_unpinned: bool) -> Vec<Left> {
    let of_file = |file: &PlannedFile| {
        let left = file.plan.unsure.iter();
        let left = left.filter(|one| one.is_unpinned == is_unpinned);
        let left = left.map(|one| Left {
            path: path(&file.path),
            line: one.line,
            text: without_secrets(&one.text),
            why: one.why.clone(),
        });
        left.collect::<Vec<_>>()
    };
    planned.files.iter().flat_map(of_file).collect()
}

fn remarks(file: &PlannedFile) -> impl Iterator<Item = Remark> {
    file.plan.notes.iter().map(|note| Remark {
        path: path(&file.path),
        text: note.clone(),
    })
}

fn copy_first(copy: &ImageCopy) -> CopyFirst {
    CopyFirst {
        from: copy.from.clone(),
        to: copy.to.clone(),
        has_rival: copy.has_rival,
        login: copy.login(),
        create_repository: copy.create_repository(),
        skopeo: copy.skopeo(),
        imagetools: copy.imagetools(),
    }
}

fn path(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().into_owned()
}
