//! Repositories, what their owners say of them, and how much each holds.

use async_trait::async_trait;
use forebay_content::{HostedRepository, RepositorySettings, Timestamp};
use forebay_oci::RepositoryName;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::layout::RegistryLayout;
use super::{Session, held, seals};
use crate::error::SqlError;
use crate::layout::Act;
use crate::readers::Readers;
use crate::{row, seal};

/// A repository to an act: by its number, and what it holds as the act begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its number.
    pub(super) id: i64,
    /// What it holds, in bytes.
    pub(super) bytes: u64,
    /// How many tags it has.
    pub(super) tags: u64,
}

/// By how much an act changes what a repository holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Bytes of blobs and manifests.
    pub(super) bytes: i64,
    /// Manifests.
    pub(super) manifests: i64,
    /// Tags.
    pub(super) tags: i64,
}

/// Makes the repository, or changes what its owner says of it.
#[derive(Debug)]
pub(super) struct KeepRepository(
    pub(super) RepositoryName,
    pub(super) RepositorySettings,
    pub(super) Timestamp,
);

/// Forgets the repository with all that it holds. One transaction, for which other writes wait, and reads do not: of 100,000
/// manifests with two layers each it takes some seconds (8 s on two cores that were busy with other work).
#[derive(Debug)]
pub(super) struct DropRepository(pub(super) RepositoryName);

/// The repository of that name.
pub(super) async fn find(
    readers: &Readers,
    name: &RepositoryName,
) -> Result<Option<HostedRepository>, SqlError> {
    let query = sqlx::query(
        "SELECT name, created_at, quota_bytes, immutable_tags, seal, bytes, manifests, tags
         FROM repositories WHERE name = $1",
    )
    .bind(name.as_str());
    let found = readers.find(query).await?;
    found.as_ref().map(repository).transpose()
}

/// A page of the repositories in the order of their names' bytes.
pub(super) async fn after(
    readers: &Readers,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<HostedRepository>, SqlError> {
    let query = sqlx::query(
        "SELECT name, created_at, quota_bytes, immutable_tags, seal, bytes, manifests, tags
         FROM repositories WHERE name > $1 ORDER BY name LIMIT $2",
    )
    // No name is as low as an empty one.
    .bind(after.unwrap_or_default())
    .bind(i64::from(limit));
    let rows = readers.list(query).await?;
    rows.iter().map(repository).collect()
}

/// The repository to an act, if there is one.
pub(super) async fn found(
    session: &mut Session<'_>,
    name: &RepositoryName,
) -> Result<Option<Found>, SqlError> {
    let found = sqlx::query("SELECT id, bytes, tags FROM repositories WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(&mut *session.connection)
        .await?;
    found
        .map(|found| {
            Ok(Found {
                id: found.try_get(0)?,
                bytes: row::count(&found, 1)?,
                tags: row::count(&found, 2)?,
            })
        })
        .transpose()
}

/// The number of the repository, which is made if it was not found.
pub(super) async fn found_or_made(
    session: &mut Session<'_>,
    found: Option<Found>,
    (name, at): (&RepositoryName, Timestamp),
) -> Result<i64, SqlError> {
    match found {
        Some(found) => Ok(found.id),
        None => make(session, name, &RepositorySettings::default(), at).await,
    }
}

async fn make(
    session: &mut Session<'_>,
    name: &RepositoryName,
    settings: &RepositorySettings,
    at: Timestamp,
) -> Result<i64, SqlError> {
    let made = sqlx::query(
        "INSERT INTO repositories
             (name, created_at, quota_bytes, immutable_tags, seal, bytes, manifests, tags)
         VALUES ($1, $2, $3, $4, $5, 0, 0, 0) RETURNING id",
    )
    .bind(name.as_str())
    .bind(at.0)
    .bind(recorded_quota(settings)?)
    .bind(written(settings))
    .bind(seals::of_repository(name, at, settings))
    .fetch_one(&mut *session.connection)
    .await?;
    session.tally.repositories += 1;
    Ok(made.try_get(0)?)
}

/// Adds to what the repository holds.
pub(super) async fn add(
    session: &mut Session<'_>,
    id: i64,
    change: Change,
) -> Result<(), SqlError> {
    if change == Change::default() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE repositories SET bytes = bytes + $2, manifests = manifests + $3, tags = tags + $4
         WHERE id = $1",
    )
    .bind(id)
    .bind(change.bytes)
    .bind(change.manifests)
    .bind(change.tags)
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

#[async_trait]
impl Act for KeepRepository {
    type Layout = RegistryLayout;
    type Told = ();

    async fn apply(&self, session: &mut Session<'_>) -> Result<(), SqlError> {
        let Self(name, settings, at) = self;
        let quota = recorded_quota(settings)?;
        let found = sqlx::query("SELECT id, created_at FROM repositories WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&mut *session.connection)
            .await?;
        let Some(found) = found else {
            return make(session, name, settings, *at).await.map(drop);
        };
        let created_at = row::time(&found, 1)?;
        sqlx::query(
            "UPDATE repositories SET quota_bytes = $2, immutable_tags = $3, seal = $4 WHERE id = $1",
        )
        .bind(found.try_get::<i64, _>(0)?)
        .bind(quota)
        .bind(written(settings))
        .bind(seals::of_repository(name, created_at, settings))
        .execute(&mut *session.connection)
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Act for DropRepository {
    type Layout = RegistryLayout;
    type Told = bool;

    async fn apply(&self, session: &mut Session<'_>) -> Result<bool, SqlError> {
        let Some(Found { id, .. }) = found(session, &self.0).await? else {
            return Ok(false);
        };
        held::leave_all(session, id).await?;
        for statement in [
            "DELETE FROM tags WHERE repository = $1",
            "DELETE FROM children WHERE repository = $1",
            "DELETE FROM manifests WHERE repository = $1",
            "DELETE FROM blobs WHERE repository = $1",
            "DELETE FROM repositories WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(id)
                .execute(&mut *session.connection)
                .await?;
        }
        session.tally.repositories -= 1;
        Ok(true)
    }
}

fn repository(found: &AnyRow) -> Result<HostedRepository, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a repository");
    let name: &str = found.try_get(0)?;
    let name: RepositoryName = name.parse().map_err(|_| DAMAGED)?;
    let created_at = row::time(found, 1)?;
    let quota: Option<i64> = found.try_get(2)?;
    let settings = RepositorySettings {
        immutable_tags: patterns(found.try_get(3)?),
        quota_bytes: quota.map(u64::try_from).transpose().map_err(|_| DAMAGED)?,
    };
    let of_read = seals::of_repository(&name, created_at, &settings);
    seal::check(found.try_get(4)?, of_read, "a repository")?;
    Ok(HostedRepository {
        name,
        created_at,
        bytes: row::count(found, 5)?,
        manifests: row::count(found, 6)?,
        tags: row::count(found, 7)?,
        settings,
    })
}

/// One pattern after another, with its length in bytes and a colon before it: no pattern can be mistaken for two.
fn written(settings: &RepositorySettings) -> String {
    let mut text = String::new();
    for pattern in &settings.immutable_tags {
        text.push_str(&pattern.len().to_string());
        text.push(':');
        text.push_str(pattern);
    }
    text
}

/// The patterns that `written` wrote; what is none of its texts has too few, which the seal tells.
fn patterns(mut text: &str) -> Vec<String> {
    let mut patterns = Vec::new();
    while let Some((length, rest)) = text.split_once(':') {
        let split = length.parse().ok().and_then(|at| rest.split_at_checked(at));
        let Some((pattern, rest)) = split else {
            break;
        };
        patterns.push(pattern.to_owned());
        text = rest;
    }
    patterns
}

fn recorded_quota(settings: &RepositorySettings) -> Result<Option<i64>, SqlError> {
    let quota = settings.quota_bytes.map(i64::try_from).transpose();
    quota.map_err(|_| SqlError::TooLarge("the repository's quota"))
}
