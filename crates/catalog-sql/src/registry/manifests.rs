//! Manifests, as they are found, listed, noted and dropped.

use std::collections::HashSet;

use async_trait::async_trait;
use forebay_content::{DropGuard, Dropped, HostedManifest, Timestamp};
use forebay_oci::{Digest, RepositoryName, Tag};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::layout::RegistryLayout;
use super::repositories::{self, Change, Found};
use super::{Session, children, held, seals, tags};
use crate::error::SqlError;
use crate::key::digest_key;
use crate::layout::Act;
use crate::readers::Readers;
use crate::{row, seal};

/// What is sealed of a manifest's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) manifest: HostedManifest,
    pub(super) subject: Option<Digest>,
    pub(super) pushed_at: Timestamp,
    pub(super) pulled_at: Option<Timestamp>,
    pub(super) is_pinned: bool,
}

/// Of how many columns `recorded` is read: digest, media type, size, subject, times of push and pull, pin, seal.
pub(super) const COLUMNS: usize = 8;

/// Notes when manifests were last pulled.
#[derive(Debug)]
pub(super) struct NotePulls(pub(super) Vec<(RepositoryName, Digest, Timestamp)>);

/// Pins a manifest, or takes the pin away.
#[derive(Debug)]
pub(super) struct PinManifest(
    pub(super) RepositoryName,
    pub(super) Digest,
    pub(super) bool,
);

/// Forgets a manifest with all tags that point at it.
#[derive(Debug)]
pub(super) struct DropManifest(
    pub(super) RepositoryName,
    pub(super) Digest,
    pub(super) DropGuard,
);

/// The manifest, if the repository holds it.
pub(super) async fn find(
    readers: &Readers,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<HostedManifest>, SqlError> {
    let query = sqlx::query(
        "SELECT m.digest, m.media_type, m.size, m.subject, m.pushed_at, m.pulled_at, m.is_pinned, m.seal
         FROM repositories r JOIN manifests m ON m.repository = r.id
         WHERE r.name = $1 AND m.digest = $2",
    )
    .bind(repository.as_str())
    .bind(digest_key(digest));
    let found = readers.find(query).await?;
    let found = found.map(|found| sound(repository, &found)).transpose()?;
    Ok(found.map(|found| found.manifest))
}

/// The first columns as a manifest of that repository, compared with their seal.
pub(super) fn sound(repository: &RepositoryName, found: &AnyRow) -> Result<Recorded, SqlError> {
    let recorded = recorded(found)?;
    let of_read = seals::of_manifest(repository, &recorded);
    seal::check(found.try_get(7)?, of_read, "a manifest of a repository")?;
    Ok(recorded)
}

/// A manifest to an act: its number, and what is recorded of it.
pub(super) async fn found(
    session: &mut Session<'_>,
    repository: i64,
    key: &[u8],
) -> Result<Option<(i64, AnyRow)>, SqlError> {
    let found = sqlx::query(
        "SELECT digest, media_type, size, subject, pushed_at, pulled_at, is_pinned, seal, id, tags
         FROM manifests WHERE repository = $1 AND digest = $2",
    )
    .bind(repository)
    .bind(key)
    .fetch_optional(&mut *session.connection)
    .await?;
    found
        .map(|found| Ok((found.try_get(COLUMNS)?, found)))
        .transpose()
}

/// The first columns, whatever their seal says.
pub(super) fn recorded(found: &AnyRow) -> Result<Recorded, SqlError> {
    let subject = found.try_get::<Option<&[u8]>, _>(3)?;
    let pulled_at: Option<i64> = found.try_get(5)?;
    Ok(Recorded {
        manifest: HostedManifest {
            digest: row::digest(found, 0)?,
            media_type: row::media_type(found, 1)?,
            size: row::count(found, 2)?,
        },
        subject: subject.map(crate::key::parse_digest).transpose()?,
        pushed_at: row::time(found, 4)?,
        pulled_at: pulled_at.map(Timestamp),
        is_pinned: row::flag(found, 6)?,
    })
}

#[async_trait]
impl Act for NotePulls {
    type Layout = RegistryLayout;
    type Told = ();

    async fn apply(&self, session: &mut Session<'_>) -> Result<(), SqlError> {
        for (repository, digest, at) in &self.0 {
            let found = match find_sound(session, repository, digest).await {
                // The others are to be noted all the same; who reads it is told.
                Err(SqlError::Damaged(_)) => continue,
                found => found?,
            };
            let Some((id, recorded)) = found else {
                continue;
            };
            if recorded.pulled_at.is_none_or(|before| before < *at) {
                let pulled = Recorded {
                    pulled_at: Some(*at),
                    ..recorded
                };
                note(session, repository, id, &pulled).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Act for PinManifest {
    type Layout = RegistryLayout;
    type Told = bool;

    async fn apply(&self, session: &mut Session<'_>) -> Result<bool, SqlError> {
        let Self(repository, digest, is_pinned) = self;
        let Some((id, recorded)) = find_sound(session, repository, digest).await? else {
            return Ok(false);
        };
        let pinned = Recorded {
            is_pinned: *is_pinned,
            ..recorded
        };
        note(session, repository, id, &pinned).await?;
        Ok(true)
    }
}

#[async_trait]
impl Act for DropManifest {
    type Layout = RegistryLayout;
    type Told = Dropped;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Dropped, SqlError> {
        let Self(name, digest, guard) = self;
        let Some(Found { id, .. }) = repositories::found(session, name).await? else {
            return Ok(Dropped::Absent);
        };
        let key = digest_key(digest);
        let Some((manifest, found)) = found(session, id, &key).await? else {
            return Ok(Dropped::Absent);
        };
        let pointing = tags::pointing_at(session, manifest).await?;
        tags::check_count(row::count(&found, COLUMNS + 1)?, &pointing)?;
        let known: HashSet<&Tag> = guard.known_tags.iter().collect();
        if let Some(tag) = pointing.into_iter().find(|tag| !known.contains(tag)) {
            return Ok(Dropped::Tagged(tag));
        }
        // What is damaged is taken for pinned by who spares that.
        if guard.spares_pinned && sound(name, &found)?.is_pinned {
            return Ok(Dropped::InUse);
        }
        if guard.spares_children && children::is_child(session, id, &key).await? {
            return Ok(Dropped::InUse);
        }
        let size = found.try_get(2)?;
        let tags = tags::forget_of(session, manifest).await?;
        children::forget(session, id, manifest, Some(guard.at)).await?;
        sqlx::query("DELETE FROM manifests WHERE id = $1")
            .bind(manifest)
            .execute(&mut *session.connection)
            .await?;
        held::leave(session, &key, size).await?;
        let change = Change {
            bytes: size.saturating_neg(),
            manifests: -1,
            tags: tags.saturating_neg(),
        };
        repositories::add(session, id, change).await?;
        Ok(Dropped::Done(digest.clone()))
    }
}

/// The manifest by its number, if the repository holds it and its row is as it was written.
async fn find_sound(
    session: &mut Session<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Option<(i64, Recorded)>, SqlError> {
    let Some(Found { id, .. }) = repositories::found(session, name).await? else {
        return Ok(None);
    };
    let Some((manifest, row)) = found(session, id, &digest_key(digest)).await? else {
        return Ok(None);
    };
    Ok(Some((manifest, sound(name, &row)?)))
}

/// Records what changes of a manifest after its push.
async fn note(
    session: &mut Session<'_>,
    repository: &RepositoryName,
    id: i64,
    recorded: &Recorded,
) -> Result<(), SqlError> {
    sqlx::query("UPDATE manifests SET pulled_at = $2, is_pinned = $3, seal = $4 WHERE id = $1")
        .bind(id)
        .bind(recorded.pulled_at.map(|at| at.0))
        .bind(i16::from(recorded.is_pinned))
        .bind(seals::of_manifest(repository, recorded))
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}
