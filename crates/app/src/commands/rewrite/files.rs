//! The files below what was named, and the plan of each, made on all cores.
//!
//! Folders are walked whole, hidden ones too: `.github` holds workflows. Left out are what version control and package
//! managers keep (`.git`, `.hg`, `.svn`, `node_modules`) and links: what a link within the tree leads to is found at its
//! own place, and what lies outside was not named.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use forebay_oci::Digest;
use forebay_rewrite::rules::{Goal, Image, Pin, Plan, plan};
use forebay_rewrite::{Format, MAX_FILE_BYTES, Settings, find};

use crate::error::Failure;

/// Folders that hold copies of others' work, or history.
const SKIPPED: [&str; 4] = [".git", ".hg", ".svn", "node_modules"];

/// The most files of one run.
const MAX_FILES: usize = 1_000_000;

/// The most threads that read and plan.
const MAX_THREADS: usize = 16;

/// How much of a file is read to see what it is, where its name does not say.
const HEAD_BYTES: u64 = 4096;

/// Who knows digests, asked by several threads.
type SharedPin<'a> = &'a (dyn Fn(&Image) -> Result<Digest, String> + Sync);

/// What is looked for, and how.
pub(super) struct Search {
    paths: Vec<PathBuf>,
    set: BTreeMap<String, String>,
    has_markdown: bool,
    /// The record is no file to rewrite.
    record: Option<PathBuf>,
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
}

/// What one file comes to.
pub(super) struct PlannedFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) plan: Plan,
}

impl Search {
    pub(super) fn new(
        paths: &[PathBuf],
        set: &[(String, String)],
        has_markdown: bool,
        record: &Path,
    ) -> Self {
        Self {
            paths: paths.to_vec(),
            set: set.iter().cloned().collect(),
            has_markdown,
            record: fs::canonicalize(record).ok(),
        }
    }

    /// All files, each once, in the order of their names.
    ///
    /// # Errors
    /// What was named is not there, or a folder cannot be read.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for path in &self.paths {
            let failed = |error| Failure::failed(format!("cannot read {}", path.display()), error);
            // A link that was named is meant.
            let about = fs::metadata(path).map_err(failed)?;
            if about.is_dir() {
                walk(path, &mut files)?;
            } else {
                files.push(path.clone());
            }
        }
        files.sort();
        files.dedup();
        if let Some(record) = &self.record {
            let name = record.file_name();
            files.retain(|file| {
                file.file_name() != name || fs::canonicalize(file).ok().as_ref() != Some(record)
            });
        }
        if files.len() > MAX_FILES {
            return Err(Failure::plain(format!(
                "there are more than {MAX_FILES} files: name the folders that matter"
            )));
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
        if known == Some(Format::Markdown) && !self.has_markdown {
            return Ok(None);
        }
        let file = fs::File::open(path)?;
        let is_large = file.metadata()?.len() > MAX_FILE_BYTES as u64;
        let mut content = Vec::new();
        let mut file = file.take(MAX_FILE_BYTES as u64 + 1);
        if known.is_none() {
            (&mut file).take(HEAD_BYTES).read_to_end(&mut content)?;
            let head = String::from_utf8_lossy(&content);
            if is_large || head.contains('\0') || Format::sniff(&name, &head).is_none() {
                return Ok(None);
            }
        }
        file.read_to_end(&mut content)?;
        let settings = self.settings(path, known);
        let found = find(&name, &content, &settings);
        if found.places.is_empty() && found.ambiguous.is_empty() && found.notes.is_empty() {
            // Cortex's files may name none, and want some.
            if !matches!(goal, Goal::Cortex(_)) || known != Some(Format::Yaml) {
                return Ok(None);
            }
        }
        let text = String::from_utf8(content).unwrap_or_default();
        let plan = plan(&text, &found, goal, pin);
        Ok(Some(PlannedFile {
            path: path.to_path_buf(),
            text,
            plan,
        }))
    }

    /// What is set, and the files beside this one that its format takes values from.
    fn settings(&self, path: &Path, format: Option<Format>) -> Settings {
        let mut settings = Settings {
            set: self.set.clone(),
            ..Settings::default()
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        for name in format.map_or(&[][..], Format::companions) {
            let companion = folder.join(name);
            if companion != path
                && let Ok(file) = fs::File::open(&companion)
            {
                let mut text = String::new();
                let read = file.take(MAX_FILE_BYTES as u64).read_to_string(&mut text);
                if read.is_ok() {
                    settings.near.insert((*name).to_owned(), text);
                }
            }
        }
        settings
    }
}

/// All files below a folder.
fn walk(top: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Failure::failed(format!("cannot read {}", folder.display()), error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_file() {
                files.push(entry.path());
            } else if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                folders.push(entry.path());
            }
            if files.len() > MAX_FILES {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Plans all files, on as many threads as there are cores.
pub(super) fn plan_all(
    files: &[PathBuf],
    search: &Search,
    goal: &Goal,
    pin: Option<SharedPin<'_>>,
) -> Planned {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(index) else { break };
            let pin: Option<Pin<'_>> = pin.map(|pin| pin as Pin<'_>);
            let result = search.plan(path, goal, pin).transpose();
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
            }
        });
        planned.files.push(file);
    }
    planned
}
