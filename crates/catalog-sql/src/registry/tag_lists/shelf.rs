//! What is remembered of repositories' tags, within a bound of memory: the lists that were asked for last.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use forebay_content::TagNames;
use forebay_oci::RepositoryName;

use super::MAX_TAGS;

/// The most memory of all lists together, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The most memory of one list, in bytes: 10,000 tags of a usual length take a fifth of it.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The most repositories of which anything is kept.
const MAX_REPOSITORIES: usize = 256;

/// Changes are counted by so many groups of repositories: a number for each would have no bound.
const GROUPS: usize = 256;

/// The lists, and how often what they tell has changed.
pub(super) struct Shelf {
    kept: HashMap<RepositoryName, Kept>,
    /// Memory of all lists.
    bytes: usize,
    /// How often anything was looked up.
    looks: u64,
    /// How often tags changed, for each group.
    changes: [u64; GROUPS],
    hasher: RandomState,
}

struct Kept {
    what: Remembered,
    /// At which look it was last of use.
    used: u64,
}

/// What is remembered of a repository's tags.
pub(super) enum Remembered {
    /// All of them.
    List(TagNames),
    /// That a part was asked for, of so many.
    PartOf(u64),
}

/// What is known as a question begins.
pub(super) enum Known {
    /// All tags.
    List(TagNames),
    /// Not all.
    Not(Question),
}

/// A question that the database is asked.
#[derive(Clone, Copy)]
pub(super) struct Question {
    /// How often tags of the group had changed before.
    changes: u64,
    /// How many tags there were when a part was asked for before, if none has changed since.
    counted: Option<u64>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            kept: HashMap::new(),
            bytes: 0,
            looks: 0,
            changes: [0; GROUPS],
            hasher: RandomState::new(),
        }
    }
}

impl Shelf {
    pub(super) fn look_up(&mut self, repository: &RepositoryName) -> Known {
        self.looks += 1;
        let (looks, changes) = (self.looks, self.changes[self.group(repository)]);
        let kept = self.kept.get_mut(repository).map(|kept| {
            kept.used = looks;
            &kept.what
        });
        let counted = match kept {
            Some(Remembered::List(names)) => return Known::List(names.clone()),
            Some(Remembered::PartOf(counted)) => Some(*counted),
            None => None,
        };
        Known::Not(Question { changes, counted })
    }

    /// Keeps what a question brought, unless tags have changed since it began.
    pub(super) fn keep(
        &mut self,
        repository: &RepositoryName,
        question: Question,
        what: Remembered,
    ) {
        if self.changes[self.group(repository)] != question.changes {
            return;
        }
        self.remove(repository);
        self.bytes += what.memory();
        let used = self.looks;
        self.kept.insert(repository.clone(), Kept { what, used });
        while self.bytes > MAX_BYTES || self.kept.len() > MAX_REPOSITORIES {
            self.remove_oldest();
        }
    }

    /// Tags of the repository have changed.
    pub(super) fn forget(&mut self, repository: &RepositoryName) {
        let group = self.group(repository);
        self.changes[group] += 1;
        self.remove(repository);
    }

    fn group(&self, repository: &RepositoryName) -> usize {
        let hash = self.hasher.hash_one(repository.as_str()) % GROUPS as u64;
        usize::try_from(hash).unwrap_or(0)
    }

    fn remove(&mut self, repository: &RepositoryName) {
        if let Some(kept) = self.kept.remove(repository) {
            self.bytes -= kept.what.memory();
        }
    }

    fn remove_oldest(&mut self) {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
        if let Some(oldest) = oldest.map(|(repository, _)| repository.clone()) {
            self.remove(&oldest);
        }
    }
}

impl Remembered {
    /// All tags of a repository, unless they are too long to be kept.
    pub(super) fn of(names: &TagNames, counted: u64) -> Self {
        if names.memory() > MAX_LIST_BYTES {
            // Not worth reading all of them again.
            return Self::PartOf(counted.max(u64::from(MAX_TAGS)));
        }
        Self::List(names.clone())
    }

    fn memory(&self) -> usize {
        match self {
            Self::List(names) => names.memory(),
            Self::PartOf(_) => 0,
        }
    }
}

impl Question {
    /// Whether all tags are read, so that they can be kept: somebody goes from page to page, and they are not too many.
    pub(super) fn is_worth_all(self) -> bool {
        self.counted
            .is_some_and(|counted| counted < u64::from(MAX_TAGS))
    }
}

#[cfg(test)]
mod tests;
