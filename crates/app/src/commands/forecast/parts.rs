//! What files are made of besides themselves: whether that was read, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use forebay_forecast::elsewhere::{Elsewhere, Place, elsewhere};

use super::lines::Lines;

/// The files that were read, and what they take from elsewhere.
#[derive(Default)]
pub(super) struct Parts {
    read: Vec<PathBuf>,
    /// Each with the folder of the file that says it, and the line.
    said: Vec<(PathBuf, String, Elsewhere)>,
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
        let found = elsewhere(shown, text);
        if found.is_empty() {
            return;
        }
        let lines = Lines::of(text);
        let folder = path.parent().unwrap_or(Path::new(""));
        self.said.extend(found.into_iter().map(|one| {
            let at = format!("{shown}:{}", lines.number(one.at));
            (folder.to_owned(), at, one)
        }));
    }

    /// What of it is none of the files that were read, nor a folder with any of them.
    pub(super) fn unread(&self) -> Unread {
        let mut unread = Unread::default();
        if self.said.is_empty() {
            return unread;
        }
        let canonical = self
            .read
            .iter()
            .filter_map(|path| fs::canonicalize(path).ok());
        let read: BTreeSet<PathBuf> = canonical.collect();
        for (folder, at, one) in &self.said {
            let said = &one.said;
            match one.place {
                Place::Here => {
                    let why = why_unread(folder, said, &read);
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

fn why_unread(folder: &Path, said: &str, read: &BTreeSet<PathBuf>) -> Option<&'static str> {
    // A pattern's files are where it says; which of them there ought to be, nobody knows.
    if said.contains('*') {
        return None;
    }
    // A pipeline's paths begin at the top of its repository, where its file is.
    let Ok(path) = fs::canonicalize(folder.join(said.trim_start_matches('/'))) else {
        return Some("is not there");
    };
    // Paths are sorted part by part: what is below a folder comes right behind it.
    let next = read.range(path.clone()..).next();
    let is_read = next.is_some_and(|next| next.starts_with(&path));
    (!is_read).then_some("is part of it: name it, too")
}
