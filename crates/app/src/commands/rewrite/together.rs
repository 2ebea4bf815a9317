//! Plans files together of which one takes values from another that changes.
//!
//! Each is planned alone first, by what the others say now. Where two of them would put the same registry before one image, or one
//! the registry and the other the rest, only both new texts tell.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use forebay_rewrite::rules::{Goal, Pin, plan_together as plan_texts};
use forebay_rewrite::{Found, find};

use super::files::{Planned, PlannedFile, Search, SharedPin};
use super::follow::straight;
use crate::commands::files::{read_beside, read_named};

/// The texts that files are to have.
type Texts<'a> = HashMap<PathBuf, &'a str>;

/// Plans those files again, group by group, that take values from others that change. Where one of a group cannot be read any
/// more, nothing of the group is changed.
pub(super) fn plan_together(
    planned: &mut Planned,
    search: &Search,
    goal: &Goal,
    pin: Option<SharedPin<'_>>,
) {
    for group in groups(&planned.files) {
        let files = &planned.files;
        let texts: io::Result<Vec<String>> = group.iter().map(|at| text_of(&files[*at])).collect();
        let texts = match texts {
            Ok(texts) => texts,
            Err(error) => {
                refuse(planned, &group, &error);
                continue;
            }
        };
        let paths: Vec<PathBuf> = group.iter().map(|at| files[*at].path.clone()).collect();
        let found = found_in(search, &paths, &texts);
        let reread = |texts: &[String]| found_in(search, &paths, texts);
        let pairs: Vec<(&str, &Found)> = texts.iter().map(String::as_str).zip(&found).collect();
        let pin: Option<Pin<'_>> = pin.map(|pin| pin as Pin<'_>);
        let plans = plan_texts(&pairs, goal, pin, &reread);
        for ((at, plan), text) in group.into_iter().zip(plans).zip(texts) {
            let file = &mut planned.files[at];
            let is_kept = !plan.edits.is_empty() || !plan.lookups.is_empty();
            file.text = if is_kept { text } else { String::new() };
            file.plan = plan;
        }
    }
}

/// The numbers of the files that are to be planned together: who takes values from one that changes, and that one.
fn groups(files: &[PlannedFile]) -> Vec<Vec<usize>> {
    let changed = files.iter().enumerate();
    let changed = changed.filter(|(_, file)| !file.plan.edits.is_empty());
    let changed: HashMap<PathBuf, usize> =
        changed.map(|(at, one)| (straight(&one.path), at)).collect();
    let mut group_of: Vec<usize> = (0..files.len()).collect();
    for (at, file) in files.iter().enumerate() {
        let sources = file.companions.iter().filter_map(|path| changed.get(path));
        for source in sources {
            let (one, other) = (first_of(&group_of, at), first_of(&group_of, *source));
            group_of[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..files.len() {
        groups.entry(first_of(&group_of, at)).or_default().push(at);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

/// The first file of the group that one is of.
fn first_of(group_of: &[usize], mut at: usize) -> usize {
    while group_of[at] != at {
        at = group_of[at];
    }
    at
}

/// Drops the plans of files one of which cannot be read any more.
fn refuse(planned: &mut Planned, group: &[usize], error: &io::Error) {
    for at in group {
        let why = format!("a file that it is planned together with cannot be read again: {error}");
        planned.files[*at].plan.notes.push(why);
        planned.drop_plan(*at);
    }
}

/// What a file holds; what does not change is not kept, and is read again.
fn text_of(file: &PlannedFile) -> io::Result<String> {
    if !file.text.is_empty() {
        return Ok(file.text.clone());
    }
    let content = read_named(&file.path, true)?.unwrap_or_default();
    Ok(String::from_utf8(content).unwrap_or_default())
}

/// The images of files that have these texts, each found by what the others say then.
fn found_in(search: &Search, paths: &[PathBuf], texts: &[String]) -> Vec<Found> {
    let now: Texts<'_> = paths
        .iter()
        .map(|path| straight(path))
        .zip(texts.iter().map(String::as_str))
        .collect();
    let mut read = |path: &Path| match now.get(&straight(path)) {
        Some(text) => Some((*text).to_owned()),
        None => read_beside(path),
    };
    let files = paths.iter().zip(texts);
    files
        .map(|(path, text)| {
            let settings = search.settings(path, text.as_bytes(), &mut read);
            find(&path.to_string_lossy(), text.as_bytes(), &settings)
        })
        .collect()
}
