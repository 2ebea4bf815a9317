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
    Pin(Digest, bool),
    /// Gives the repository this quota.
    Settle(u64),
    /// Deletes the repository with all that it holds.
    Clear,
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
    /// Whether it is pinned.
    pub(crate) pins: BTreeMap<(String, Digest), BTreeSet<bool>>,
    /// The quota of the repository.
    pub(crate) quotas: BTreeMap<String, BTreeSet<Option<u64>>>,
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
                if let Some(pins) = self.pins.get_mut(&(repository.clone(), digest.clone())) {
                    allow(pins, false, *is_done);
                }
                for ((of, _), found) in &mut self.tags {
                    if of == repository && found.contains(&Some(digest.clone())) {
                        found.insert(None);
                        if *is_done {
                            found.remove(&Some(digest.clone()));
                        }
                    }
                }
            }
            Act::Pin(digest, is_pinned) => {
                let key = (repository.clone(), digest.clone());
                let pins = self.pins.entry(key).or_insert_with(|| [false].into());
                allow(pins, *is_pinned, *is_done);
            }
            Act::Settle(quota) => {
                let quotas = self.quotas.entry(repository.clone());
                let quotas = quotas.or_insert_with(|| [None].into());
                allow(quotas, Some(*quota), *is_done);
            }
            Act::Clear => self.clear(repository, *is_done),
        }
    }

    fn clear(&mut self, repository: &str, is_done: bool) {
        let is_of = |of: &String| of == repository;
        for (_, found) in self.manifests.iter_mut().filter(|((of, _), _)| is_of(of)) {
            allow(found, false, is_done);
        }
        for (_, found) in self.tags.iter_mut().filter(|((of, _), _)| is_of(of)) {
            allow(found, None, is_done);
        }
        for (_, found) in self.pins.iter_mut().filter(|((of, _), _)| is_of(of)) {
            allow(found, false, is_done);
        }
        for (_, found) in self.quotas.iter_mut().filter(|(of, _)| is_of(of)) {
            allow(found, None, is_done);
        }
    }

    fn manifest(&mut self, repository: &str, digest: &Digest, is_there: bool, is_done: bool) {
        let key = (repository.to_owned(), digest.clone());
        let found = self
            .manifests
            .entry(key)
            .or_insert_with(|| BTreeSet::from([false]));
        allow(found, is_there, is_done);
    }

    fn tag(&mut self, repository: &str, tag: &str, target: Option<Digest>, is_done: bool) {
        let key = (repository.to_owned(), tag.to_owned());
        let found = self
            .tags
            .entry(key)
            .or_insert_with(|| BTreeSet::from([None]));
        allow(found, target, is_done);
    }
}

/// Allows one more thing to be found, or, where it is done, that one alone.
fn allow<T: Ord>(found: &mut BTreeSet<T>, one: T, is_done: bool) {
    if is_done {
        found.clear();
    }
    found.insert(one);
}

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_done { "done" } else { "asked" };
        write!(f, "told {word} {} ", self.repository)?;
        match &self.act {
            Act::Push(digest, tag) => write!(f, "push {digest} {}", tag.as_deref().unwrap_or("-")),
            Act::Untag(tag) => write!(f, "untag {tag}"),
            Act::Drop(digest) => write!(f, "drop {digest}"),
            Act::Pin(digest, true) => write!(f, "pin {digest}"),
            Act::Pin(digest, false) => write!(f, "unpin {digest}"),
            Act::Settle(quota) => write!(f, "settle {quota}"),
            Act::Clear => write!(f, "clear"),
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
            ["told", word, repository, act @ ("pin" | "unpin"), digest] => {
                let digest = digest.parse().map_err(|_| ())?;
                (word, repository, Act::Pin(digest, act == "pin"))
            }
            ["told", word, repository, "settle", quota] => {
                let quota = quota.parse().map_err(|_| ())?;
                (word, repository, Act::Settle(quota))
            }
            ["told", word, repository, "clear"] => (word, repository, Act::Clear),
            _ => return Err(()),
        };
        Ok(Self {
            is_done: word == "done",
            repository: repository.to_owned(),
            act,
        })
    }
}
