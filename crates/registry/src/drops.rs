//! Drops: what is dropped is gone for every request that begins afterwards; its bytes go when nobody holds them any more.

use std::collections::HashSet;
use std::pin::pin;

use forebay_content::{Change, DropGuard, Dropped, Missing};
use forebay_oci::{Digest, RepositoryName, Tag};
use futures::TryStreamExt as _;

use crate::local_registry::LocalRegistry;
use crate::owner::ImmutableTags;
use crate::{PushError, Refused};

/// In how many indexes that are in indexes themselves is looked for what keeps a manifest: far more than images have above them.
const MAX_ABOVE: usize = 1_000;

/// How often a drop looks again after somebody tagged the manifest meanwhile.
const MAX_LOOKS: usize = 4;

impl LocalRegistry {
    /// Drops a tag; what it points at stays.
    ///
    /// # Errors
    /// There is none, it is immutable, or the disk fails.
    pub async fn drop_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<(), PushError> {
        let (repository, tag) = (repository.clone(), tag.clone());
        self.to_the_end(async move |registry| registry.untag(&repository, &tag).await)
            .await
    }

    async fn untag(&self, repository: &RepositoryName, tag: &Tag) -> Result<(), PushError> {
        let turn = self.turn(repository).await?;
        let found = self.stores.rows.find_repository(repository).await?;
        let found = found.ok_or(PushError::NotFound(Missing::Repository))?;
        let immutable = ImmutableTags::of(&found)?;
        let dropped = match immutable.first_of(std::slice::from_ref(tag)) {
            // Whether it is there, whoever asks may see.
            Some(tag) => {
                let known = self.stores.rows.find_hosted_tag(repository, &tag).await?;
                known.map_or(Dropped::Absent, |_| Dropped::Tagged(tag))
            }
            None => self.stores.rows.drop_hosted_tag(repository, tag).await?,
        };
        match dropped {
            Dropped::Done(_) => {
                let change = Change::Untagged { tag: tag.clone() };
                let made = (change, self.clock.now());
                self.journal(turn, repository, made).await
            }
            // A tag is in nobody's use.
            Dropped::Absent | Dropped::InUse => Err(PushError::NotFound(Missing::Manifest)),
            Dropped::Tagged(tag) => Err(Refused::Immutable(tag).into()),
        }
    }

    /// Drops a manifest with all tags that point at it.
    ///
    /// # Errors
    /// There is none, one of the tags is immutable, it is pinned, an index that is either names it, or the disk fails.
    pub async fn drop_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), PushError> {
        let (repository, digest) = (repository.clone(), digest.clone());
        self.to_the_end(async move |registry| registry.let_go_of(&repository, &digest).await)
            .await
    }

    async fn let_go_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), PushError> {
        let turn = self.turn(repository).await?;
        for _ in 0..MAX_LOOKS {
            let rows = &self.stores.rows;
            let found = rows.find_repository(repository).await?;
            let found = found.ok_or(PushError::NotFound(Missing::Repository))?;
            let entry = rows.find_hosted_entry(repository, digest).await?;
            let entry = entry.ok_or(PushError::NotFound(Missing::Manifest))?;
            let immutable = ImmutableTags::of(&found)?;
            if let Some(tag) = immutable.first_of(&entry.tags) {
                return Err(Refused::Immutable(tag).into());
            }
            if entry.is_child
                && self
                    .is_kept_by_index(repository, digest, &immutable)
                    .await?
            {
                return Err(Refused::KeptByIndex.into());
            }
            let at = self.clock.now();
            let guard = DropGuard {
                known_tags: entry.tags,
                spares_pinned: true,
                spares_children: false,
                at,
            };
            match rows
                .drop_hosted_manifest(repository, digest, &guard)
                .await?
            {
                Dropped::Done(_) => {
                    let digest = digest.clone();
                    let change = Change::Dropped { digest };
                    return self.journal(turn, repository, (change, at)).await;
                }
                Dropped::Absent => return Err(PushError::NotFound(Missing::Manifest)),
                Dropped::InUse => return Err(Refused::Pinned.into()),
                Dropped::Tagged(_) => {}
            }
        }
        Err(Refused::Changing.into())
    }

    /// Whether an index that stays names the manifest, itself or by another index: one that is pinned, or has an immutable tag. It
    /// could not be pulled any more. Where more are above it than are looked at, one of them may.
    async fn is_kept_by_index(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        immutable: &ImmutableTags,
    ) -> Result<bool, PushError> {
        let mut above = vec![digest.clone()];
        let mut seen: HashSet<Digest> = HashSet::new();
        while let Some(child) = above.pop() {
            let mut pages = pin!(self.index_pages(repository, &child));
            while let Some(page) = pages.try_next().await? {
                for index in page {
                    if index.is_pinned || immutable.first_of(&index.tags).is_some() {
                        return Ok(true);
                    }
                    if index.is_child && seen.insert(index.manifest.digest.clone()) {
                        if seen.len() > MAX_ABOVE {
                            return Ok(true);
                        }
                        above.push(index.manifest.digest);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Drops a blob that no manifest of the repository refers to.
    ///
    /// # Errors
    /// There is none, a manifest refers to it, or the disk fails.
    pub async fn drop_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), PushError> {
        match self
            .stores
            .rows
            .drop_hosted_blob(repository, digest)
            .await?
        {
            Dropped::Done(_) => Ok(()),
            Dropped::Absent => Err(PushError::NotFound(Missing::Blob)),
            Dropped::Tagged(_) | Dropped::InUse => Err(Refused::InUse.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use forebay_oci::{MediaType, Reference};
    use serde_json::json;

    use super::*;

    /// Pushes an index above another one.
    async fn push_above(registry: &LocalRegistry, app: &RepositoryName, below: &Digest) -> Digest {
        let child = json!({
            "mediaType": MediaType::OCI_INDEX.as_str(), "digest": below.to_string(), "size": 2
        });
        let index = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [child]
        });
        let bytes = Bytes::from(index.to_string());
        let by_digest = Reference::Digest(Digest::sha256(&bytes));
        let pushed = registry.push_manifest(app, (&by_digest, &[]), (bytes, None));
        pushed.await.unwrap().digest
    }

    #[tokio::test]
    async fn below_more_indexes_than_are_looked_at_a_manifest_stays_until_some_are_gone() {
        let registry = LocalRegistry::in_memory();
        let app: RepositoryName = "team/app".parse().unwrap();
        let mut chain = vec![push_above(&registry, &app, &Digest::sha256(b"")).await];
        for below in 0..MAX_ABOVE + 2 {
            chain.push(push_above(&registry, &app, &chain[below]).await);
        }
        let kept = registry.drop_manifest(&app, &chain[0]).await.unwrap_err();
        assert!(
            matches!(kept, PushError::Refused(Refused::KeptByIndex)),
            "{kept:?}"
        );
        let top = chain.pop().unwrap();
        registry.drop_manifest(&app, &top).await.unwrap();
        registry.drop_manifest(&app, &chain[0]).await.unwrap();
    }
}
