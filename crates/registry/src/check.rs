//! Looks whether all that is held is at rest and whole, and whether journals tell what rows do.
//!
//! What is lost is named by the images that need it, and stays named: nothing forgets it but a drop, or a push that brings it again.

mod compare;

use std::collections::BTreeMap;
use std::pin::pin;

use forebay_content::{BlobError, CatalogError, ChildKind, HostedEntry, held_pages};
use forebay_oci::{Digest, RepositoryName};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// The most objects that are named one by one.
const MAX_NAMED: usize = 1000;

/// The most images that are named with one object.
const MAX_IMAGES: usize = 20;

/// How many of those who hold an object, or name it, are looked at for that.
const MAX_HOLDERS: u32 = 20;

/// What a check of the registry found, and, if it was to be mended, has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCheck {
    /// What is wrong with the rows as a whole.
    pub rows: Option<String>,
    /// The directory that has nothing of what the rows tell, as where a volume is not mounted; nothing was mended then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emptied: Option<String>,
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
        let has_journals = self.unreadable_lines == 0 && self.differences.is_empty();
        has_all && has_journals && self.rows.is_none() && self.emptied.is_none()
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
            let mut images = self.images_of(&wrong).await?;
            for (digest, wrong) in wrong {
                let named = LostObject {
                    images: images.remove(&digest).unwrap_or_default(),
                    digest: digest.to_string(),
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
        let mut pages = pin!(held_pages(&*self.stores.rows));
        while let Some(page) = pages.try_next().await? {
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
        Ok(found)
    }

    /// The images that need these objects: by their tags, or by digest. The rows know it, whether their manifests can be read or not.
    async fn images_of(
        &self,
        lost: &BTreeMap<Digest, Wrong>,
    ) -> Result<BTreeMap<Digest, Vec<String>>, CheckError> {
        let mut images: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for repository in self.repositories_of_rows().await? {
            let mut pages = pin!(self.entry_pages(&repository, None));
            while let Some(page) = pages.try_next().await? {
                for entry in page {
                    let digest = &entry.manifest.digest;
                    if lost.contains_key(digest) {
                        let told = images.entry(digest.clone()).or_default();
                        tell_names(told, &repository, &entry);
                        let of = (digest, ChildKind::Manifest);
                        self.tell_parents(told, &repository, of).await?;
                    }
                }
            }
        }
        for digest in lost.keys() {
            let told = images.entry(digest.clone()).or_default();
            for holder in self.stores.rows.holders(digest, MAX_HOLDERS).await? {
                let of = (digest, ChildKind::Blob);
                self.tell_parents(told, &holder, of).await?;
            }
        }
        Ok(images)
    }

    /// Tells the names of the images that name a manifest or a blob.
    async fn tell_parents(
        &self,
        told: &mut Vec<String>,
        repository: &RepositoryName,
        of: (&Digest, ChildKind),
    ) -> Result<(), CheckError> {
        let rows = &self.stores.rows;
        let parents = rows
            .hosted_parents(repository, of, None, MAX_HOLDERS)
            .await?;
        for parent in parents {
            tell_names(told, repository, &parent);
        }
        Ok(())
    }

    /// All repositories that rows tell of.
    async fn repositories_of_rows(&self) -> Result<Vec<RepositoryName>, CheckError> {
        let mut names: Vec<RepositoryName> = Vec::new();
        let mut pages = pin!(self.repository_pages(None));
        while let Some(page) = pages.try_next().await? {
            names.extend(page.into_iter().map(|repository| repository.name));
        }
        Ok(names)
    }
}

/// Tells an image's names, by its tags, or by digest where it has none, as long as there is room.
fn tell_names(told: &mut Vec<String>, repository: &RepositoryName, entry: &HostedEntry) {
    let tags = entry.tags.iter();
    let mut names: Vec<String> = tags.map(|tag| format!("{repository}:{tag}")).collect();
    if names.is_empty() {
        names.push(format!("{repository}@{}", entry.manifest.digest));
    }
    let room = MAX_IMAGES.saturating_sub(told.len());
    told.extend(names.into_iter().take(room));
}
