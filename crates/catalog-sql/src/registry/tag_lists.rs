//! Lists of tags that were read, kept until an act changes the tags of their repository.
//!
//! What is kept was compared with its seals as it was read. Only this process may write to the file: whoever looks at one that
//! another writes to keeps nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use forebay_content::TagNames;
use forebay_oci::RepositoryName;

use super::Session;
use super::layout::RegistryLayout;
use super::tags::{self, TagPage};
use crate::error::SqlError;
use crate::layout::Act;
use crate::readers::Readers;

/// The most memory of all lists together, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The most memory of one list, in bytes: 10,000 tags of a usual length take a fifth of it.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The most tags that are read so that they can be kept, where less was asked for.
const MAX_TAGS: u32 = 20_000;

/// The most repositories of which anything is kept.
const MAX_REPOSITORIES: usize = 256;

/// Changes are counted by so many groups of repositories: a number for each would have no bound.
const GROUPS: usize = 256;

/// Lists of tags that were read.
pub(super) struct TagLists {
    shelf: Mutex<Shelf>,
    hasher: RandomState,
}

struct Shelf {
    kept: HashMap<RepositoryName, Kept>,
    /// Memory of all lists.
    bytes: usize,
    /// How often anything was looked up.
    looks: u64,
    /// How often tags changed, for each group.
    changes: [u64; GROUPS],
}

struct Kept {
    what: What,
    /// At which look it was last of use.
    used: u64,
}

enum What {
    /// All tags.
    List(TagNames),
    /// A part was asked for, of so many tags.
    Asked(u64),
}

/// What is known as a question begins.
enum Known {
    /// All tags.
    List(TagNames),
    /// Not all.
    Not(Asking),
}

/// A question that the database is asked.
#[derive(Clone, Copy)]
struct Asking {
    /// How often tags of the group had changed before.
    changes: u64,
    /// How many tags there were when a part was asked for before, if none has changed since.
    counted: Option<u64>,
}

/// Until it is dropped, tags of the repository may change; what was kept of them is forgotten then.
struct Changing {
    lists: Arc<TagLists>,
    repository: RepositoryName,
}

/// An act that may change tags of a repository: what is kept of them goes with it, when it has ended.
pub(super) struct Retag<A> {
    act: A,
    _changing: Option<Changing>,
}

/// A page of the repository's tags in the order of their bytes; `None` if there is no such repository.
///
/// A whole list is kept. Where parts are asked for, as by who goes from page to page, all is read with the second one, if no tag
/// has changed in between.
pub(super) async fn page(
    lists: Option<&Arc<TagLists>>,
    readers: &Readers,
    (repository, after): (&RepositoryName, Option<&str>),
    limit: u32,
) -> Result<Option<TagNames>, SqlError> {
    let Some(lists) = lists else {
        let page = tags::after(readers, repository, after, limit).await?;
        return Ok(page.map(|page| page.names));
    };
    let asking = match lists.look_up(repository) {
        Known::List(names) => return Ok(Some(names.after(after, size(limit)))),
        Known::Not(asking) => asking,
    };
    if asking.is_worth_all() {
        let all = tags::after(readers, repository, None, MAX_TAGS).await?;
        let Some(TagPage { names, counted }) = all else {
            return Ok(None);
        };
        if names.len() < size(MAX_TAGS) {
            lists.keep(repository, asking, What::of(&names, counted));
            return Ok(Some(names.after(after, size(limit))));
        }
    }
    let page = tags::after(readers, repository, after, limit).await?;
    Ok(page.map(|TagPage { names, counted }| {
        let is_all = after.is_none_or(str::is_empty) && names.len() < size(limit);
        let what = if is_all {
            What::of(&names, counted)
        } else {
            What::Asked(counted)
        };
        lists.keep(repository, asking, what);
        names
    }))
}

// === impl TagLists ===

impl TagLists {
    /// None yet.
    pub(super) fn new() -> Self {
        let shelf = Shelf {
            kept: HashMap::new(),
            bytes: 0,
            looks: 0,
            changes: [0; GROUPS],
        };
        Self {
            shelf: Mutex::new(shelf),
            hasher: RandomState::new(),
        }
    }

    /// The act, by which what is kept of the repository's tags will be out of date.
    pub(super) fn retag<A>(lists: Option<&Arc<Self>>, act: A, of: &RepositoryName) -> Retag<A> {
        let changing = lists.map(|lists| Changing {
            lists: Arc::clone(lists),
            repository: of.clone(),
        });
        Retag {
            act,
            _changing: changing,
        }
    }

    fn look_up(&self, repository: &RepositoryName) -> Known {
        let group = self.group(repository);
        let mut held = self.shelf();
        held.looks += 1;
        let (looks, changes) = (held.looks, held.changes[group]);
        let kept = held.kept.get_mut(repository).map(|kept| {
            kept.used = looks;
            &kept.what
        });
        let counted = match kept {
            Some(What::List(names)) => return Known::List(names.clone()),
            Some(What::Asked(counted)) => Some(*counted),
            None => None,
        };
        Known::Not(Asking { changes, counted })
    }

    /// Keeps what a question brought, unless tags have changed since it began.
    fn keep(&self, repository: &RepositoryName, asking: Asking, what: What) {
        let group = self.group(repository);
        let mut held = self.shelf();
        if held.changes[group] != asking.changes {
            return;
        }
        held.remove(repository);
        held.bytes += what.memory();
        let used = held.looks;
        let kept = Kept { what, used };
        held.kept.insert(repository.clone(), kept);
        while held.bytes > MAX_BYTES || held.kept.len() > MAX_REPOSITORIES {
            held.remove_oldest();
        }
    }

    fn forget(&self, repository: &RepositoryName) {
        let group = self.group(repository);
        let mut held = self.shelf();
        held.changes[group] += 1;
        held.remove(repository);
    }

    fn group(&self, repository: &RepositoryName) -> usize {
        let hash = self.hasher.hash_one(repository.as_str()) % GROUPS as u64;
        usize::try_from(hash).unwrap_or(0)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
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

impl What {
    /// All tags of a repository, unless they are too long to be kept.
    fn of(names: &TagNames, counted: u64) -> Self {
        if names.memory() > MAX_LIST_BYTES {
            // Not worth reading all of them again.
            return Self::Asked(counted.max(u64::from(MAX_TAGS)));
        }
        Self::List(names.clone())
    }

    fn memory(&self) -> usize {
        match self {
            Self::List(names) => names.memory(),
            Self::Asked(_) => 0,
        }
    }
}

impl Asking {
    fn is_worth_all(self) -> bool {
        self.counted
            .is_some_and(|counted| counted < u64::from(MAX_TAGS))
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.lists.forget(&self.repository);
    }
}

#[async_trait]
impl<A: Act<Layout = RegistryLayout>> Act for Retag<A> {
    type Layout = RegistryLayout;
    type Told = A::Told;

    async fn apply(&self, session: &mut Session<'_>) -> Result<A::Told, SqlError> {
        self.act.apply(session).await
    }
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
