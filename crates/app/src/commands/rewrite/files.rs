//! The files below what was named, and the plan of each, made on all cores.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use forebay_oci::Digest;
use forebay_rewrite::rules::{Goal, Image, Pin, Plan, plan_checked};
use forebay_rewrite::{Crd, Format, Settings, find};
use forebay_terminal::Failure;

use super::Args;
use super::follow::straight;
use super::replace::is_staged;
use super::together::plan_together;
use crate::commands::files::{files_below, near_by, read_beside, read_named};

/// The most threads that read and plan.
const MAX_THREADS: usize = 16;

/// The most bytes of files that change, all of which are kept until they are shown or written.
const MAX_KEPT_BYTES: usize = 1 << 30;

/// Who knows digests, asked by several threads.
pub(super) type SharedPin<'a> = &'a (dyn Fn(&Image) -> Result<Digest, String> + Sync);

/// What is looked for, and how.
pub(super) struct Search {
    paths: Vec<PathBuf>,
    set: BTreeMap<String, String>,
    crds: Vec<Crd>,
    has_markdown: bool,
    /// The record is no file to rewrite.
    record: Option<PathBuf>,
    /// Each of the paths with what it leads to, the deeper before the others.
    tops: Vec<(PathBuf, PathBuf)>,
}

/// What all files come to.
#[derive(Default)]
pub(super) struct Planned {
    /// Those about which there is something to say, in their order.
    pub(super) files: Vec<PlannedFile>,
    /// How many were read.
    pub(super) read: usize,
    /// How many could not be.
    pub(super) failed: usize,
    /// The paths that were named, each with what it led to when the run began.
    pub(super) tops: Vec<(PathBuf, PathBuf)>,
}

/// What one file comes to.
pub(super) struct PlannedFile {
    pub(super) path: PathBuf,
    /// What it holds, if something of it changes.
    pub(super) text: String,
    pub(super) plan: Plan,
    /// Something of it was not read as what it is.
    pub(super) is_unread: bool,
    /// It names more images than are looked at.
    pub(super) is_cut: bool,
    /// Its plan could not be carried out.
    pub(super) is_refused: bool,
    /// The files beside it that it takes values from, where it names images.
    pub(super) companions: Vec<PathBuf>,
    /// The numbers of the files whose new names it looks for, and so is worth nothing without.
    pub(super) follows: BTreeSet<usize>,
}

impl Planned {
    /// The plan of this file is not carried out, and does not count.
    pub(super) fn drop_plan(&mut self, number: usize) {
        let file = &mut self.files[number];
        file.is_refused = true;
        file.plan.edits.clear();
        file.plan.changes.clear();
        self.failed += 1;
    }
}

impl Search {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            paths: args.paths.clone(),
            set: args.set.iter().cloned().collect(),
            crds: args.crd.clone(),
            has_markdown: args.markdown,
            record: fs::canonicalize(&args.record).ok(),
            tops: tops(&args.paths),
        }
    }

    /// All files, each once, in the order of their names.
    ///
    /// # Errors
    /// What was named is not there, or a folder cannot be read.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = files_below(&self.paths)?;
        files.retain(|file| !is_staged(file));
        if let Some(record) = &self.record {
            let name = record.file_name();
            files.retain(|file| {
                file.file_name() != name || fs::canonicalize(file).ok().as_ref() != Some(record)
            });
        }
        // Below one folder no file has two names: links are not followed.
        if self.paths.len() > 1 {
            let mut seen = HashSet::new();
            files.retain(|file| fs::canonicalize(file).map_or(true, |file| seen.insert(file)));
        }
        Ok(files)
    }

    /// The plan of one file; `None` if it names no images.
    fn plan(
        &self,
        path: &Path,
        goal: &Goal,
        pin: Option<Pin<'_>>,
    ) -> io::Result<Option<PlannedFile>> {
        let name = path.to_string_lossy();
        let known = Format::sniff(&name, "");
        let Some(content) = read_named(path, self.has_markdown)? else {
            return Ok(None);
        };
        let mut companions = Vec::new();
        let settings = self.settings(path, &content, &mut |path| {
            let text = read_beside(path);
            companions.extend(text.is_some().then(|| straight(path)));
            text
        });
        let found = find(&name, &content, &settings);
        let has_places = !found.places.is_empty() || !found.ambiguous.is_empty();
        if !has_places && found.notes.is_empty() && found.resources.is_empty() {
            // Cortex's files may name none, and want some.
            if !matches!(goal, Goal::Cortex(_)) || known != Some(Format::Yaml) {
                return Ok(None);
            }
        }
        let is_unread = found.notes.iter().any(|note| !note.is_advice);
        let mut text = String::from_utf8(content).unwrap_or_default();
        let reread = |text: &str| find(&name, text.as_bytes(), &settings);
        let plan = plan_checked((&text, &found), goal, pin, &reread);
        if plan.edits.is_empty() && plan.lookups.is_empty() {
            text = String::new();
        }
        if found.places.is_empty() {
            companions.clear();
        }
        Ok(Some(PlannedFile {
            path: path.to_path_buf(),
            text,
            plan,
            companions,
            is_unread,
            is_cut: found.is_cut,
            is_refused: false,
            follows: BTreeSet::new(),
        }))
    }

    /// What is set, and the files beside this one that its format takes values from.
    pub(super) fn settings(
        &self,
        path: &Path,
        content: &[u8],
        read: &mut dyn FnMut(&Path) -> Option<String>,
    ) -> Settings {
        Settings {
            set: self.set.clone(),
            crds: self.crds.clone(),
            ..near_by(path, content, read)
        }
    }
}

/// What paths lead to now; what is not there is told when it is read.
fn tops(paths: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let tops = paths.iter();
    let tops = tops.filter_map(|path| Some((path.clone(), fs::canonicalize(path).ok()?)));
    let mut tops: Vec<(PathBuf, PathBuf)> = tops.collect();
    tops.sort_by_key(|(path, _)| std::cmp::Reverse(path.components().count()));
    tops
}

/// The file, if there is room for it beside those that are kept.
fn keep(file: Option<PlannedFile>, kept: &AtomicUsize) -> io::Result<Option<PlannedFile>> {
    let bytes = file.as_ref().map_or(0, |file| file.text.len());
    if kept.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_KEPT_BYTES {
        return Err(io::Error::other(format!(
            "the files that change come to more than {} MiB: name the folders one after the other",
            MAX_KEPT_BYTES >> 20
        )));
    }
    Ok(file)
}

/// Plans all files, on as many threads as there are cores.
pub(super) fn plan_all(
    files: &[PathBuf],
    search: &Search,
    goal: &Goal,
    pin: Option<SharedPin<'_>>,
) -> Planned {
    let next = AtomicUsize::new(0);
    let kept = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(index) else { break };
            let pin: Option<Pin<'_>> = pin.map(|pin| pin as Pin<'_>);
            let planned = search.plan(path, goal, pin);
            let result = planned.and_then(|file| keep(file, &kept)).transpose();
            if let Some(result) = result {
                let mut results = results
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                results.push((index, result));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(MAX_THREADS).min(files.len().max(1));
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    let mut planned = Planned {
        read: files.len(),
        tops: search.tops.clone(),
        ..Planned::default()
    };
    for (index, result) in results {
        let file = result.unwrap_or_else(|error| {
            planned.failed += 1;
            let mut plan = Plan::default();
            plan.notes.push(format!("cannot be read: {error}"));
            PlannedFile {
                path: files[index].clone(),
                text: String::new(),
                plan,
                companions: Vec::new(),
                is_unread: true,
                is_cut: false,
                is_refused: false,
                follows: BTreeSet::new(),
            }
        });
        planned.files.push(file);
    }
    plan_together(&mut planned, search, goal, pin);
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let file = |text: &str| {
            let (path, text) = (PathBuf::from("a.yaml"), text.to_owned());
            let plan = Plan::default();
            let is_unread = false;
            Some(PlannedFile {
                path,
                text,
                plan,
                companions: Vec::new(),
                is_unread,
                is_cut: false,
                is_refused: false,
                follows: BTreeSet::new(),
            })
        };
        let kept = AtomicUsize::new(MAX_KEPT_BYTES - 2);
        assert!(keep(file("ab"), &kept).is_ok());
        assert!(keep(file(""), &kept).is_ok());
        assert!(keep(file("c"), &kept).is_err());
    }
}
