//! Who holds which blob.

use async_trait::async_trait;
use forebay_content::{BlobMount, Committed, Dropped, HostedBlob, Timestamp};
use forebay_oci::{Digest, RepositoryName};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::layout::RegistryLayout;
use super::repositories::{self, Change, Found};
use super::{Session, held, over_quota, recorded_size, seals};
use crate::error::SqlError;
use crate::key::digest_key;
use crate::layout::Act;
use crate::readers::Readers;
use crate::{row, seal};

/// The blob in a repository. Columns: size, seal.
const FIND: &str = "SELECT b.size, b.seal FROM repositories r JOIN blobs b ON b.repository = r.id
     WHERE r.name = $1 AND b.digest = $2";

/// Blobs that nothing refers to, the oldest first. Children are asked for though `uses` says it all: what is needed must not go
/// because a number is rotten.
pub(super) const UNUSED: &str =
    "SELECT b.repository, b.digest, b.size FROM blobs b WHERE b.uses = 0 AND b.noted_at < $1
         AND NOT EXISTS (SELECT 1 FROM children c
             WHERE c.repository = b.repository AND c.child = b.digest AND c.kind = 1)
     ORDER BY b.noted_at LIMIT $2";

/// Records that the repository holds a blob.
#[derive(Debug)]
pub(super) struct CommitBlob(
    pub(super) RepositoryName,
    pub(super) HostedBlob,
    pub(super) Timestamp,
);

/// Records that the repository holds a blob that another one holds.
#[derive(Debug)]
pub(super) struct MountBlob(
    pub(super) RepositoryName,
    pub(super) BlobMount,
    pub(super) Timestamp,
);

/// Forgets that the repository holds the blob.
#[derive(Debug)]
pub(super) struct DropBlob(pub(super) RepositoryName, pub(super) Digest);

/// Forgets blobs that nothing refers to, noted before that time, at most so many.
#[derive(Debug)]
pub(super) struct UnlinkUnused(pub(super) Timestamp, pub(super) u32);

/// A blob as it is to be recorded.
struct BlobRow {
    key: Vec<u8>,
    size: i64,
    seal: i64,
    at: Timestamp,
}

/// The blob's size, if the repository holds it.
pub(super) async fn find(
    readers: &Readers,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<u64>, SqlError> {
    let query = sqlx::query(FIND)
        .bind(repository.as_str())
        .bind(digest_key(digest));
    let Some(found) = readers.find(query).await? else {
        return Ok(None);
    };
    let size = row::count(&found, 0)?;
    let of_read = seals::of_blob(repository, digest, size);
    seal::check(found.try_get(1)?, of_read, "a blob of a repository")?;
    Ok(Some(size))
}

/// Repositories that hold the blob. A rotten row shows when it is mounted from there.
pub(super) async fn holders(
    readers: &Readers,
    digest: &Digest,
    limit: u32,
) -> Result<Vec<RepositoryName>, SqlError> {
    let query = sqlx::query(
        "SELECT r.name FROM blobs b JOIN repositories r ON r.id = b.repository
         WHERE b.digest = $1 ORDER BY r.name LIMIT $2",
    )
    .bind(digest_key(digest))
    .bind(i64::from(limit));
    let rows = readers.find_all(query).await?;
    let name = |found: &AnyRow| {
        let name: &str = found.try_get(0)?;
        name.parse()
            .map_err(|_| SqlError::Damaged("the name of a repository"))
    };
    rows.iter().map(name).collect()
}

#[async_trait]
impl Act for CommitBlob {
    type Layout = RegistryLayout;
    type Told = Committed;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Committed, SqlError> {
        commit(session, &self.0, &self.1, self.2).await
    }
}

#[async_trait]
impl Act for MountBlob {
    type Layout = RegistryLayout;
    type Told = Committed;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Committed, SqlError> {
        let Self(repository, mount, at) = self;
        let Some(size) = size_in(session.connection, &mount.from, &mount.digest).await? else {
            return Ok(Committed::Missing(vec![mount.digest.clone()]));
        };
        let blob = HostedBlob {
            digest: mount.digest.clone(),
            size,
            quota_bytes: mount.quota_bytes,
        };
        commit(session, repository, &blob, *at).await
    }
}

#[async_trait]
impl Act for DropBlob {
    type Layout = RegistryLayout;
    type Told = Dropped;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Dropped, SqlError> {
        let Self(repository, digest) = self;
        let Some(Found { id, .. }) = repositories::found(session, repository).await? else {
            return Ok(Dropped::Absent);
        };
        let key = digest_key(digest);
        let found = sqlx::query("SELECT size FROM blobs WHERE repository = $1 AND digest = $2")
            .bind(id)
            .bind(key.as_slice())
            .fetch_optional(&mut *session.connection)
            .await?;
        let Some(found) = found else {
            return Ok(Dropped::Absent);
        };
        if uses(session, id, &key).await? > 0 {
            return Ok(Dropped::InUse);
        }
        forget(session, id, &key, found.try_get(0)?).await?;
        Ok(Dropped::Done(digest.clone()))
    }
}

#[async_trait]
impl Act for UnlinkUnused {
    type Layout = RegistryLayout;
    type Told = u64;

    async fn apply(&self, session: &mut Session<'_>) -> Result<u64, SqlError> {
        let Self(before, limit) = self;
        let unused = sqlx::query(UNUSED)
            .bind(before.0)
            .bind(i64::from(*limit))
            .fetch_all(&mut *session.connection)
            .await?;
        for found in &unused {
            let key: &[u8] = found.try_get(1)?;
            forget(session, found.try_get(0)?, key, found.try_get(2)?).await?;
        }
        Ok(unused.len() as u64)
    }
}

async fn commit(
    session: &mut Session<'_>,
    repository: &RepositoryName,
    blob: &HostedBlob,
    at: Timestamp,
) -> Result<Committed, SqlError> {
    let row = BlobRow {
        key: digest_key(&blob.digest),
        size: recorded_size(blob.size)?,
        seal: seals::of_blob(repository, &blob.digest, blob.size),
        at,
    };
    let found = repositories::found(session, repository).await?;
    if let Some(Found { id, .. }) = found
        && renew(session, id, &row).await?
    {
        return Ok(Committed::Done);
    }
    let before = found.map_or(0, |found| found.bytes);
    if let Some(refused) = over_quota(before, blob.size, blob.quota_bytes) {
        return Ok(refused);
    }
    let id = repositories::found_or_made(session, found, (repository, at)).await?;
    if add(session, id, &row).await? > 0 {
        return Ok(Committed::Completed);
    }
    Ok(Committed::Done)
}

/// Adds it, and tells how many manifests of the repository refer to it.
async fn add(session: &mut Session<'_>, repository: i64, row: &BlobRow) -> Result<i64, SqlError> {
    held::join(session, &row.key, row.size).await?;
    let uses = uses(session, repository, &row.key).await?;
    sqlx::query(
        "INSERT INTO blobs (repository, digest, size, noted_at, uses, seal) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(repository)
    .bind(row.key.as_slice())
    .bind(row.size)
    .bind(row.at.0)
    .bind(uses)
    .bind(row.seal)
    .execute(&mut *session.connection)
    .await?;
    let change = Change {
        bytes: row.size,
        ..Change::default()
    };
    repositories::add(session, repository, change).await?;
    Ok(uses)
}

/// Notes that the blob is needed, and mends its row if that was damaged; false if the repository does not hold it.
async fn renew(
    session: &mut Session<'_>,
    repository: i64,
    row: &BlobRow,
) -> Result<bool, SqlError> {
    let renewed = sqlx::query(
        "UPDATE blobs SET noted_at = CASE WHEN noted_at < $3 THEN $3 ELSE noted_at END, size = $4, seal = $5
         WHERE repository = $1 AND digest = $2",
    )
    .bind(repository)
    .bind(row.key.as_slice())
    .bind(row.at.0)
    .bind(row.size)
    .bind(row.seal)
    .execute(&mut *session.connection)
    .await?;
    Ok(renewed.rows_affected() > 0)
}

/// How many manifests of the repository refer to the blob, counted.
async fn uses(session: &mut Session<'_>, repository: i64, key: &[u8]) -> Result<i64, SqlError> {
    let counted = sqlx::query(
        "SELECT COUNT(*) FROM children WHERE repository = $1 AND child = $2 AND kind = 1",
    )
    .bind(repository)
    .bind(key)
    .fetch_one(&mut *session.connection)
    .await?;
    Ok(counted.try_get(0)?)
}

async fn forget(
    session: &mut Session<'_>,
    repository: i64,
    key: &[u8],
    size: i64,
) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM blobs WHERE repository = $1 AND digest = $2")
        .bind(repository)
        .bind(key)
        .execute(&mut *session.connection)
        .await?;
    held::leave(session, key, size).await?;
    let change = Change {
        bytes: size.saturating_neg(),
        ..Change::default()
    };
    repositories::add(session, repository, change).await
}

/// The size of a blob that the repository holds, to an act.
async fn size_in(
    connection: &mut AnyConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<u64>, SqlError> {
    let found = sqlx::query(FIND)
        .bind(repository.as_str())
        .bind(digest_key(digest))
        .fetch_optional(connection)
        .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let size = row::count(&found, 0)?;
    let of_read = seals::of_blob(repository, digest, size);
    seal::check(found.try_get(1)?, of_read, "a blob of a repository")?;
    Ok(Some(size))
}
