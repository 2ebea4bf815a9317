//! What files are made of besides themselves: whether that was read, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use forebay_forecast::elsewhere::{Elsewhere, Place, elsewhere};
use forebay_rewrite::{Lines, compose_overrides};

/// The most files in a chart's `charts` that are looked at.
const MAX_CHARTS: usize = 10_000;

/// The files that were read, and what they take from elsewhere.
#[derive(Default)]
pub(super) struct Parts {
    read: Vec<PathBuf>,
    /// Each with the folder of the file that says it, and the line.
    said: Vec<(PathBuf, String, Elsewhere)>,
    /// Files that go over one that was read, if they are there, each with that.
    over: Vec<(PathBuf, String)>,
}

/// What is not read of it.
#[derive(Default)]
pub(super) struct Unread {
    /// What belongs to the deploy.
    pub(super) unsure: Vec<String>,
    /// What does not, as a rule.
    pub(super) notes: Vec<String>,
}

impl Parts {
    /// Takes what a file that was read says.
    pub(super) fn add(&mut self, path: &Path, shown: &str, text: &str) {
        self.read.push(path.to_owned());
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let over = compose_overrides(&name).iter();
        let over = over.map(|name| (folder.join(name), shown.to_owned()));
        self.over.extend(over.filter(|(path, _)| path.is_file()));
        let found = elsewhere(shown, text);
        if found.is_empty() {
            return;
        }
        let lines = Lines::of(text);
        self.said.extend(found.into_iter().map(|one| {
            let at = format!("{shown}:{}", lines.number(one.at));
            (folder.to_owned(), at, one)
        }));
    }

    /// What of it is none of the files that were read, nor a folder with any of them.
    pub(super) fn unread(&self) -> Unread {
        let mut unread = Unread::default();
        if self.said.is_empty() && self.over.is_empty() {
            return unread;
        }
        let canonical = self
            .read
            .iter()
            .filter_map(|path| fs::canonicalize(path).ok());
        let read: BTreeSet<PathBuf> = canonical.collect();
        for (path, at) in &self.over {
            if fs::canonicalize(path).is_ok_and(|path| !read.contains(&path)) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let told = format!("{at}: {name}: goes over it: name it, too");
                unread.unsure.push(told);
            }
        }
        for (folder, at, one) in &self.said {
            let said = &one.said;
            match one.place {
                Place::Here | Place::FromTop => {
                    let paths = match one.place {
                        Place::FromTop => from_tops(folder, said),
                        _ => vec![folder.join(said)],
                    };
                    let why = why_unread(&paths, said, &read);
                    unread
                        .unsure
                        .extend(why.map(|why| format!("{at}: {said}: {why}")));
                }
                Place::Away => unread.unsure.push(format!("{at}: {said}: not read")),
                Place::AwayByTheWay => unread.notes.push(format!("{at}: {said}: not read")),
            }
        }
        unread
    }
}

/// Where a path from the top of a folder's repository may lead: that top is the folder, or any above, up to what version control
/// says.
fn from_tops(folder: &Path, said: &str) -> Vec<PathBuf> {
    let is_here = folder.as_os_str().is_empty();
    let own = if is_here { Path::new(".") } else { folder };
    let own = fs::canonicalize(own).unwrap_or_else(|_| own.to_owned());
    let mut paths = Vec::new();
    for top in own.ancestors() {
        paths.push(top.join(said.trim_start_matches('/')));
        if top.join(".git").exists() {
            break;
        }
    }
    paths
}

/// Why what is said is not read, which is at one of these paths.
fn why_unread(paths: &[PathBuf], said: &str, read: &BTreeSet<PathBuf>) -> Option<&'static str> {
    // A pattern's files are where it says; which of them there ought to be, nobody knows.
    if said.contains('*') {
        return None;
    }
    let there = paths.iter().filter_map(|path| fs::canonicalize(path).ok());
    let there: Vec<PathBuf> = there.collect();
    if there.is_empty() {
        return Some(if paths.iter().any(|path| is_packed(path)) {
            "is packed, and not read: pass to - what helm template prints"
        } else {
            "is not there"
        });
    }
    // Paths are sorted part by part: what is below a folder comes right behind it.
    let is_read = |path: &PathBuf| {
        let next = read.range(path.clone()..).next();
        next.is_some_and(|next| next.starts_with(path))
    };
    (!there.iter().any(is_read)).then_some("is part of it: name it, too")
}

/// Whether `helm dependency` has put the chart there as an archive, whose name ends with its version.
fn is_packed(path: &Path) -> bool {
    let Some((charts, name)) = path.parent().zip(path.file_name()) else {
        return false;
    };
    let name = name.to_string_lossy();
    let is_version =
        |rest: &str| rest.starts_with(|first: char| first == 'v' || first.is_ascii_digit());
    let entries = fs::read_dir(charts).into_iter().flatten().flatten();
    charts.ends_with("charts")
        && entries.take(MAX_CHARTS).any(|entry| {
            let file = entry.file_name().to_string_lossy().into_owned();
            let rest = file.strip_prefix(&*name);
            let version = rest.and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".tgz"));
            version.is_some_and(is_version)
        })
}
