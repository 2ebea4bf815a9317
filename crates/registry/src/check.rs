//! Looks whether all that is held is at rest and whole, and whether journals tell what rows do.
//!
//! What is lost is named by the images that need it, and stays named: nothing forgets it but a drop, or a push that brings it again.

mod compare;

use std::collections::{BTreeMap, BTreeSet};

use forebay_content::{BlobError, CatalogError, HostedEntry};
use forebay_oci::{Digest, PushedManifest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// How many objects, repositories or manifests are looked at in one go.
const AT_ONCE: u32 = 500;

/// The most objects that are named one by one.
const MAX_NAMED: usize = 1000;

/// The most images that are named with one object.
const MAX_IMAGES: usize = 20;

/// What a check of the registry found, and, if it was to be mended, has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCheck {
    /// What is wrong with the rows as a whole.
    pub rows: Option<String>,
    /// From what they would be made again, where they are damaged as a whole and nothing was to be mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<AtRest>,
    /// What was made again of them, from journals and blobs.
    pub rebuilt: Option<RebuiltRows>,
    /// Blobs and manifests that are held, at rest and whole.
    pub sound: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Held, and at rest with other bytes than were pushed.
    pub damaged: Vec<LostObject>,
    /// Held, and not at rest.
    pub missing: Vec<LostObject>,
    /// Held, and the disk does not let us read it.
    pub unreadable: Vec<LostObject>,
    /// Objects beyond those that are named above.
    pub unnamed: u64,
    /// Lines of journals, and journals, that cannot be read.
    pub unreadable_lines: u64,
    /// Where rows and journals tell different things: each a sentence.
    pub differences: Vec<String>,
    /// True if rows and journals were made to tell the same.
    pub is_settled: bool,
}

/// What lies beside rows that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRest {
    /// Journals: one of each repository.
    pub journals: u64,
    /// Blobs and manifests.
    pub objects: u64,
}

/// What was made again of lost rows, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltRows {
    /// Where the damaged ones are now; none if there were none.
    pub put_aside: Option<String>,
    /// Repositories.
    pub repositories: u64,
    /// Manifests.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Users and tokens that could be read out of the damaged rows.
    pub accounts: u64,
    /// True if there may have been more, which are lost.
    pub accounts_lost: bool,
    /// Manifests that the journals tell of and that are not at rest any more: their tags are lost.
    pub lost: Vec<String>,
    /// How many more.
    pub lost_beside: u64,
}

/// An object that is held and cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostObject {
    /// Its digest.
    pub digest: String,
    /// The images that need it, at most 20; none if nobody does yet.
    pub images: Vec<String>,
}

/// What keeps a check from its end.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The rows cannot be read.
    #[error("the registry's rows cannot be read")]
    Rows(#[source] CatalogError),
    /// The disk, or our own fault.
    #[error(transparent)]
    Failed(#[from] PushError),
}

impl From<CatalogError> for CheckError {
    fn from(error: CatalogError) -> Self {
        Self::Rows(error)
    }
}

/// What is wrong with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Damaged,
    Missing,
    Unreadable,
}

impl RegistryCheck {
    /// True if nothing was wrong.
    pub fn is_clean(&self) -> bool {
        let has_all =
            self.damaged.is_empty() && self.missing.is_empty() && self.unreadable.is_empty();
        has_all && self.rows.is_none() && self.unreadable_lines == 0 && self.differences.is_empty()
    }
}

impl LocalRegistry {
    /// Checks all that is held while everything goes on. With `mend`, what only rows or only journals tell is told by both after;
    /// what is lost is told, and stays. `tell` is called now and then with what was found so far.
    ///
    /// # Errors
    /// [`CheckError::Rows`] if rows are damaged, or the disk fails.
    pub async fn check(
        &self,
        mend: bool,
        tell: &(dyn Fn(&RegistryCheck) + Send + Sync),
    ) -> Result<RegistryCheck, CheckError> {
        let mut check = RegistryCheck::default();
        let wrong = self.check_bytes(&mut check, tell).await?;
        if !wrong.is_empty() {
            let images = self.images_of(&wrong).await?;
            for (digest, wrong) in wrong {
                let named = LostObject {
                    digest: digest.to_string(),
                    images: images.get(&digest).cloned().unwrap_or_default(),
                };
                match wrong {
                    Wrong::Damaged => check.damaged.push(named),
                    Wrong::Missing => check.missing.push(named),
                    Wrong::Unreadable => check.unreadable.push(named),
                }
            }
        }
        self.check_journals(&mut check, mend).await?;
        Ok(check)
    }

    /// Reads all that is held; what is wrong with which.
    async fn check_bytes(
        &self,
        check: &mut RegistryCheck,
        tell: &(dyn Fn(&RegistryCheck) + Send + Sync),
    ) -> Result<BTreeMap<Digest, Wrong>, CheckError> {
        let mut found = BTreeMap::new();
        let mut after: Option<Digest> = None;
        loop {
            let page = self.stores.rows.held_after(after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = Some(last.digest.clone());
            for stat in page {
                let wrong = match self.stores.blobs.verify(&stat.digest).await {
                    Ok(()) => {
                        check.sound += 1;
                        check.bytes += stat.size;
                        continue;
                    }
                    Err(BlobError::NotFound) => Wrong::Missing,
                    Err(BlobError::Corrupt(_)) => Wrong::Damaged,
                    Err(_) => Wrong::Unreadable,
                };
                // Dropped meanwhile, and cleared away.
                let held = self
                    .stores
                    .rows
                    .held(std::slice::from_ref(&stat.digest))
                    .await?;
                if held.is_empty() {
                    continue;
                }
                if found.len() < MAX_NAMED {
                    found.insert(stat.digest, wrong);
                } else {
                    check.unnamed += 1;
                }
            }
            tell(check);
        }
    }

    /// The images that need these objects: by their tags, or by digest.
    async fn images_of(
        &self,
        lost: &BTreeMap<Digest, Wrong>,
    ) -> Result<BTreeMap<Digest, Vec<String>>, CheckError> {
        let mut images: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for repository in self.repositories_of_rows().await? {
            let mut after: Option<Digest> = None;
            loop {
                let rows = &self.stores.rows;
                let page = rows
                    .hosted_manifests(&repository, after.as_ref(), AT_ONCE)
                    .await?;
                let Some(end) = page.last() else { break };
                after = Some(end.manifest.digest.clone());
                for entry in page {
                    for digest in self.needed_by(&entry).await? {
                        if lost.contains_key(&digest) {
                            let told = images.entry(digest).or_default();
                            let room = MAX_IMAGES.saturating_sub(told.len());
                            told.extend(names_of(&repository, &entry).into_iter().take(room));
                        }
                    }
                }
            }
        }
        Ok(images)
    }

    /// The manifest and the blobs that it needs, as far as it can be read.
    async fn needed_by(&self, entry: &HostedEntry) -> Result<BTreeSet<Digest>, CheckError> {
        let digest = &entry.manifest.digest;
        let mut needed = BTreeSet::from([digest.clone()]);
        let bytes = self.manifest_at_rest(digest).await.unwrap_or_default();
        let pushed = bytes
            .and_then(|bytes| PushedManifest::parse(&bytes, Some(&entry.manifest.media_type)).ok());
        let children = pushed.into_iter().flat_map(|pushed| pushed.children);
        needed.extend(children.map(|child| child.digest));
        Ok(needed)
    }

    /// All repositories that rows tell of.
    async fn repositories_of_rows(&self) -> Result<Vec<RepositoryName>, CheckError> {
        let mut names: Vec<RepositoryName> = Vec::new();
        loop {
            let after = names.last().map(RepositoryName::as_str);
            let page = self.stores.rows.repositories(after, AT_ONCE).await?;
            if page.is_empty() {
                return Ok(names);
            }
            names.extend(page.into_iter().map(|repository| repository.name));
        }
    }
}

/// An image's names: by its tags, or by digest where it has none.
fn names_of(repository: &RepositoryName, entry: &HostedEntry) -> Vec<String> {
    let tags = entry.tags.iter();
    let names: Vec<String> = tags.map(|tag| format!("{repository}:{tag}")).collect();
    if names.is_empty() {
        return vec![format!("{repository}@{}", entry.manifest.digest)];
    }
    names
}
