//! A manifest that is pushed: what stands against it is looked for first, then all of it is written.

use std::collections::BTreeSet;

use async_trait::async_trait;
use forebay_content::{Committed, ManifestPush, TagHolder};
use forebay_oci::{RepositoryName, Tag};
use sqlx::Row;

use super::layout::RegistryLayout;
use super::manifests::{self, Recorded};
use super::repositories::{self, Change, Found};
use super::{Session, children, held, over_quota, recorded_size, seals, tags};
use crate::error::SqlError;
use crate::key::digest_key;
use crate::layout::Act;
use crate::row;

/// Records a manifest that is at rest.
#[derive(Debug)]
pub(super) struct CommitManifest(pub(super) RepositoryName, pub(super) ManifestPush);

/// The manifest as it was before the push.
struct Before {
    id: i64,
    recorded: Recorded,
    /// How many tags point at it.
    tags: u64,
}

#[async_trait]
impl Act for CommitManifest {
    type Layout = RegistryLayout;
    type Told = Committed;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Committed, SqlError> {
        let Self(name, push) = self;
        recorded_size(push.manifest.size)?;
        let key = digest_key(&push.manifest.digest);
        let found = repositories::found(session, name).await?;
        let before = match found {
            Some(Found { id, .. }) => before(session, id, &key).await?,
            None => None,
        };
        if let Some(refused) = refusal(session, push, found, before.as_ref()).await? {
            return Ok(refused);
        }
        let id = repositories::found_or_made(session, found, (name, push.at)).await?;
        write(session, (name, id), push, before).await?;
        Ok(Committed::Done)
    }
}

/// What stands against the push, in the order of `Committed`'s variants.
async fn refusal(
    session: &mut Session<'_>,
    push: &ManifestPush,
    found: Option<Found>,
    before: Option<&Before>,
) -> Result<Option<Committed>, SqlError> {
    let id = found.map(|found| found.id);
    let missing = children::missing(session, id, &push.children).await?;
    if !missing.is_empty() {
        return Ok(Some(Committed::Missing(missing)));
    }
    if let Some(id) = id {
        for tag in &push.immutable_tags {
            let target = tags::target(session, id, tag).await?;
            if target.is_some_and(|target| target != push.manifest.digest) {
                return Ok(Some(Committed::Immutable(tag.clone())));
            }
        }
    }
    let tags = [
        before.map_or(0, |before| before.tags),
        found.map_or(0, |found| found.tags),
    ];
    if let Some(refused) = too_many_tags(session, push, (id, tags)).await? {
        return Ok(Some(refused));
    }
    let held = found.map_or(0, |found| found.bytes);
    let added = before.map_or(push.manifest.size, |_| 0);
    Ok(over_quota(held, added, push.quota_bytes))
}

/// The refusal of a push that adds tags to as many as there may be, by how many point at its manifest and are in its repository.
async fn too_many_tags(
    session: &mut Session<'_>,
    push: &ManifestPush,
    (repository, [of_manifest, of_repository]): (Option<i64>, [u64; 2]),
) -> Result<Option<Committed>, SqlError> {
    let Some(bounds) = push.tag_bounds else {
        return Ok(None);
    };
    let pushed: BTreeSet<&Tag> = push.tags.iter().collect();
    let most = pushed.len() as u64;
    if of_manifest + most <= bounds.of_manifest && of_repository + most <= bounds.of_repository {
        return Ok(None);
    }
    // Some of them may be there already.
    let (mut to_manifest, mut to_repository) = (0, 0);
    for tag in pushed {
        let target = match repository {
            Some(id) => tags::target(session, id, tag).await?,
            None => None,
        };
        to_repository += u64::from(target.is_none());
        to_manifest += u64::from(target.as_ref() != Some(&push.manifest.digest));
    }
    let (of, most) = if to_manifest > 0 && of_manifest + to_manifest > bounds.of_manifest {
        (TagHolder::Manifest, bounds.of_manifest)
    } else if to_repository > 0 && of_repository + to_repository > bounds.of_repository {
        (TagHolder::Repository, bounds.of_repository)
    } else {
        return Ok(None);
    };
    Ok(Some(Committed::TooManyTags { of, most }))
}

async fn write(
    session: &mut Session<'_>,
    (name, repository): (&RepositoryName, i64),
    push: &ManifestPush,
    before: Option<Before>,
) -> Result<(), SqlError> {
    let mut change = Change::default();
    let recorded = Recorded {
        manifest: push.manifest.clone(),
        subject: push.subject.clone(),
        pushed_at: before
            .as_ref()
            .map_or(push.at, |before| before.recorded.pushed_at.max(push.at)),
        pulled_at: before.as_ref().and_then(|before| before.recorded.pulled_at),
        is_pinned: before
            .as_ref()
            .is_some_and(|before| before.recorded.is_pinned),
    };
    let size = recorded_size(push.manifest.size)?;
    let id = if let Some(Before { id, .. }) = before {
        children::forget(session, repository, id, None).await?;
        id
    } else {
        let key = digest_key(&push.manifest.digest);
        held::join(session, &key, size).await?;
        change.bytes = size;
        change.manifests = 1;
        add(session, repository, &key).await?
    };
    keep(
        session,
        id,
        push,
        (&recorded, seals::of_manifest(name, &recorded)),
    )
    .await?;
    children::add(session, repository, id, &push.children).await?;
    for tag in &push.tags {
        let seal = seals::of_tag(name, tag, &push.manifest.digest);
        let is_new = tags::point(session, repository, tag, (id, seal)).await?;
        change.tags += i64::from(is_new);
    }
    repositories::add(session, repository, change).await
}

async fn before(
    session: &mut Session<'_>,
    repository: i64,
    key: &[u8],
) -> Result<Option<Before>, SqlError> {
    let found = manifests::found(session, repository, key).await?;
    found
        .map(|(id, found)| {
            // Not compared with its seal: to push it again mends what is damaged.
            let recorded = manifests::recorded(&found)?;
            let tags = row::count(&found, manifests::COLUMNS + 1)?;
            Ok(Before { id, recorded, tags })
        })
        .transpose()
}

/// A row for a manifest of which there was none; tells its number. `keep` fills it.
async fn add(session: &mut Session<'_>, repository: i64, key: &[u8]) -> Result<i64, SqlError> {
    let added = sqlx::query(
        "INSERT INTO manifests (repository, digest, media_type, size, pushed_at, is_pinned, seal, tags)
         VALUES ($1, $2, '', 0, 0, 0, 0, 0) RETURNING id",
    )
    .bind(repository)
    .bind(key)
    .fetch_one(&mut *session.connection)
    .await?;
    Ok(added.try_get(0)?)
}

async fn keep(
    session: &mut Session<'_>,
    id: i64,
    push: &ManifestPush,
    (recorded, seal): (&Recorded, i64),
) -> Result<(), SqlError> {
    // Nobody asks for these but who lists the referrers of a subject.
    let listed = push.subject.is_some();
    let artifact_type = push.artifact_type.as_deref().filter(|_| listed);
    let annotations = push.annotations.as_deref().filter(|_| listed);
    let referrer_seal =
        listed.then(|| seals::of_referrer(&push.manifest.digest, artifact_type, annotations));
    sqlx::query(
        "UPDATE manifests SET media_type = $2, size = $3, subject = $4, pushed_at = $5, seal = $6,
             referrer_seal = $7, artifact_type = $8, annotations = $9 WHERE id = $1",
    )
    .bind(id)
    .bind(recorded.manifest.media_type.as_str())
    .bind(recorded_size(recorded.manifest.size)?)
    .bind(recorded.subject.as_ref().map(digest_key))
    .bind(recorded.pushed_at.0)
    .bind(seal)
    .bind(referrer_seal)
    .bind(artifact_type)
    .bind(annotations)
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}
