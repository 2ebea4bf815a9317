//! What the writer can be asked to do: an act, with all that it needs.

use async_trait::async_trait;
use forebay_content::{KeptList, KeptManifest, KeptTag, ListKey, Object, Timestamp};
use forebay_oci::{Digest, Tag, Target};

use crate::catalog::CatalogLayout;
use crate::error::SqlError;
use crate::layout::Act;
use crate::ledger::LedgerWrite;
use crate::session::Session;
use crate::{lists, manifests, objects, tags, unused};

/// An act that writes.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// Records what a tag points at.
    KeepTag(Target, Tag, KeptTag),
    /// Forgets a tag.
    DropTag(Target, Tag),
    /// Records a manifest, its object, and a link if there is a target.
    KeepManifest(Option<Target>, KeptManifest, Timestamp),
    /// Grants content to a repository.
    Link(Target, Digest, Timestamp),
    /// Records an object, and a link if there is a target.
    KeepObject(Option<Target>, Object),
    /// Marks objects as used.
    Touch(Vec<(Digest, Timestamp)>),
    /// Forgets objects and the manifests that need them.
    Evict(Vec<Digest>),
    /// Forgets what is old and not at rest, at most so many of each kind.
    ForgetUnused(Timestamp, u32),
    /// Records a page of a list.
    KeepList(Target, ListKey, KeptList),
    /// Whatever the ledger writes.
    Ledger(LedgerWrite),
}

#[async_trait]
impl Act for Write {
    type Layout = CatalogLayout;

    /// What was forgotten, which is something for evictions only.
    type Told = Vec<Digest>;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Vec<Digest>, SqlError> {
        match self {
            Self::Evict(digests) => return objects::evict(session, digests).await,
            Self::KeepTag(target, tag, kept) => tags::keep(session, target, tag, kept).await,
            Self::DropTag(target, tag) => tags::forget(session, target, tag).await,
            Self::KeepManifest(target, manifest, at) => {
                keep_manifest(session, target.as_ref(), manifest, *at).await
            }
            Self::Link(target, digest, at) => objects::link(session, target, digest, *at).await,
            Self::KeepObject(target, object) => keep_object(session, target.as_ref(), object).await,
            Self::Touch(used) => objects::touch(session, used).await,
            Self::ForgetUnused(before, limit) => unused::forget(session, *before, *limit).await,
            Self::KeepList(target, key, list) => {
                lists::keep(session, target, key, list, lists::BOUNDS).await
            }
            Self::Ledger(act) => act.apply(session).await,
        }?;
        Ok(Vec::new())
    }
}

async fn keep_manifest(
    session: &mut Session<'_>,
    target: Option<&Target>,
    manifest: &KeptManifest,
    at: Timestamp,
) -> Result<(), SqlError> {
    let object = Object {
        digest: manifest.digest.clone(),
        size: manifest.size,
        used_at: at,
    };
    keep_object(session, target, &object).await?;
    manifests::keep(session, manifest).await
}

async fn keep_object(
    session: &mut Session<'_>,
    target: Option<&Target>,
    object: &Object,
) -> Result<(), SqlError> {
    objects::keep(session, object).await?;
    if let Some(target) = target {
        objects::link(session, target, &object.digest, object.used_at).await?;
    }
    Ok(())
}
