//! What a registry has promised: of each tag and manifest what may be found, given what was asked and what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::str::FromStr;

use forebay_oci::Digest;

/// An act on a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Push(Digest, Option<String>),
    Untag(String),
    Drop(Digest),
}

/// An act, asked or acknowledged, as a child tells it in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) is_done: bool,
    pub(crate) repository: String,
    pub(crate) act: Act,
}

/// What may be found. More than one thing where an act was asked and not acknowledged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises {
    pub(crate) tags: BTreeMap<(String, String), BTreeSet<Option<Digest>>>,
    /// Whether it is there.
    pub(crate) manifests: BTreeMap<(String, Digest), BTreeSet<bool>>,
}

impl Promises {
    pub(crate) fn note(&mut self, told: &Told) {
        let Told {
            is_done,
            repository,
            act,
        } = told;
        match act {
            Act::Push(digest, tag) => {
                self.manifest(repository, digest, true, *is_done);
                if let Some(tag) = tag {
                    self.tag(repository, tag, Some(digest.clone()), *is_done);
                }
            }
            Act::Untag(tag) => self.tag(repository, tag, None, *is_done),
            Act::Drop(digest) => {
                self.manifest(repository, digest, false, *is_done);
                for ((of, _), found) in &mut self.tags {
                    if of == repository && found.contains(&Some(digest.clone())) {
                        found.insert(None);
                        if *is_done {
                            found.remove(&Some(digest.clone()));
                        }
                    }
                }
            }
        }
    }

    fn manifest(&mut self, repository: &str, digest: &Digest, is_there: bool, is_done: bool) {
        let key = (repository.to_owned(), digest.clone());
        let found = self
            .manifests
            .entry(key)
            .or_insert_with(|| BTreeSet::from([false]));
        if is_done {
            found.clear();
        }
        found.insert(is_there);
    }

    fn tag(&mut self, repository: &str, tag: &str, target: Option<Digest>, is_done: bool) {
        let key = (repository.to_owned(), tag.to_owned());
        let found = self
            .tags
            .entry(key)
            .or_insert_with(|| BTreeSet::from([None]));
        if is_done {
            found.clear();
        }
        found.insert(target);
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_done { "done" } else { "asked" };
        write!(f, "told {word} {} ", self.repository)?;
        match &self.act {
            Act::Push(digest, tag) => write!(f, "push {digest} {}", tag.as_deref().unwrap_or("-")),
            Act::Untag(tag) => write!(f, "untag {tag}"),
            Act::Drop(digest) => write!(f, "drop {digest}"),
        }
    }
}

impl FromStr for Told {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        // The test's runner may have begun the line.
        let start = line.find("told ").ok_or(())?;
        let words: Vec<&str> = line[start..].split_whitespace().collect();
        let (word, repository, act) = match words[..] {
            ["told", word, repository, "push", digest, tag] => {
                let tag = (tag != "-").then(|| tag.to_owned());
                let digest = digest.parse().map_err(|_| ())?;
                (word, repository, Act::Push(digest, tag))
            }
            ["told", word, repository, "untag", tag] => {
                (word, repository, Act::Untag(tag.to_owned()))
            }
            ["told", word, repository, "drop", digest] => {
                let digest = digest.parse().map_err(|_| ())?;
                (word, repository, Act::Drop(digest))
            }
            _ => return Err(()),
        };
        Ok(Self {
            is_done: word == "done",
            repository: repository.to_owned(),
            act,
        })
    }
}
