//! What is at rest, who may see it, and how long ago it was used.

use forebay_content::{Object, Timestamp, Usage};
use forebay_oci::{Digest, Target, UpstreamName};
use sqlx::Row;

use crate::error::SqlError;
use crate::key::digest_key;
use crate::manifests;
use crate::readers::Readers;
use crate::row;
use crate::seal;
use crate::session::Session;
use crate::totals;

/// The largest object, in bytes: 256 TiB. Far beyond any disk, and so far below 2^63 that no sum can overflow.
const MAX_OBJECT_BYTES: u64 = 1 << 48;

/// True if the repository has earned this content.
pub(crate) async fn is_linked(
    readers: &Readers,
    target: &Target,
    digest: &Digest,
) -> Result<bool, SqlError> {
    let query = sqlx::query(
        "SELECT l.seal FROM repositories r JOIN links l ON l.repository = r.id
         WHERE r.upstream = $1 AND r.name = $2 AND l.digest = $3",
    )
    .bind(target.upstream.as_ref())
    .bind(target.repository.as_str())
    .bind(digest_key(digest));
    let Some(found) = readers.find(query).await? else {
        return Ok(false);
    };
    seal::check(found.try_get(0)?, seal::of_link(target, digest), "a link")?;
    Ok(true)
}

/// The upstreams of the repositories that have earned what is at rest; `None` if it is not.
pub(crate) async fn suppliers(
    readers: &Readers,
    digest: &Digest,
) -> Result<Option<Vec<UpstreamName>>, SqlError> {
    let query = sqlx::query(
        "SELECT DISTINCT r.upstream FROM objects o LEFT JOIN links l ON l.digest = o.digest
         LEFT JOIN repositories r ON r.id = l.repository WHERE o.digest = $1 ORDER BY r.upstream",
    )
    .bind(digest_key(digest));
    let rows = readers.find_all(query).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut upstreams = Vec::new();
    for row in rows {
        // The one row of an object that has no link has no upstream either.
        let upstream: Option<String> = row.try_get(0)?;
        upstreams.extend(upstream.map(UpstreamName::from));
    }
    Ok(Some(upstreams))
}

/// The objects that were not used for longest; those equally cold in the order of their digests.
pub(crate) async fn coldest(readers: &Readers, limit: u32) -> Result<Vec<Object>, SqlError> {
    let query =
        sqlx::query("SELECT digest, size, used_at FROM objects ORDER BY used_at, digest LIMIT $1")
            .bind(i64::from(limit));
    let rows = readers.find_all(query).await?;
    rows.iter().map(row::object).collect()
}

/// A page of the objects in the order of their digests.
pub(crate) async fn after(
    readers: &Readers,
    after: Option<&Digest>,
    limit: u32,
) -> Result<Vec<Object>, SqlError> {
    let query = sqlx::query(
        "SELECT digest, size, used_at FROM objects WHERE digest > $1 ORDER BY digest LIMIT $2",
    )
    // No key is as low as no bytes at all.
    .bind(after.map(digest_key).unwrap_or_default())
    .bind(i64::from(limit));
    let rows = readers.list(query).await?;
    rows.iter().map(row::object).collect()
}

/// How much is recorded.
pub(crate) async fn usage(readers: &Readers) -> Result<Usage, SqlError> {
    let found = readers.find(sqlx::query(totals::USAGE)).await?;
    let found = found.ok_or(SqlError::Damaged("the row of totals"))?;
    Ok(Usage {
        objects: row::count(&found, 0)?,
        bytes: row::count(&found, 1)?,
    })
}

/// Grants the repository this content.
pub(crate) async fn link(
    session: &mut Session<'_>,
    target: &Target,
    digest: &Digest,
    at: Timestamp,
) -> Result<(), SqlError> {
    let repository = session.repository(target).await?;
    sqlx::query(
        "INSERT INTO links (digest, repository, linked_at, seal) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest, repository) DO UPDATE SET seal = excluded.seal,
             linked_at = CASE WHEN links.linked_at < excluded.linked_at THEN excluded.linked_at
                 ELSE links.linked_at END
         WHERE links.linked_at < excluded.linked_at OR links.seal <> excluded.seal",
    )
    .bind(digest_key(digest))
    .bind(repository)
    .bind(at.0)
    .bind(seal::of_link(target, digest))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Records an object.
pub(crate) async fn keep(session: &mut Session<'_>, object: &Object) -> Result<(), SqlError> {
    let size = recorded_size(object.size)?;
    let key = digest_key(&object.digest);
    let inserted = sqlx::query(
        "INSERT INTO objects (digest, size, used_at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(key.as_slice())
    .bind(size)
    .bind(object.used_at.0)
    .execute(&mut *session.connection)
    .await?;
    if inserted.rows_affected() == 0 {
        return keep_again(session, &key, size, object.used_at).await;
    }
    session.tally.objects += 1;
    session.tally.object_bytes += size;
    Ok(())
}

/// Marks objects as used.
pub(crate) async fn touch(
    session: &mut Session<'_>,
    used: &[(Digest, Timestamp)],
) -> Result<(), SqlError> {
    for (digest, at) in used {
        sqlx::query("UPDATE objects SET used_at = $2 WHERE digest = $1 AND used_at < $2")
            .bind(digest_key(digest))
            .bind(at.0)
            .execute(&mut *session.connection)
            .await?;
    }
    Ok(())
}

/// Forgets objects, and the manifests that need one of them; tells what was forgotten.
pub(crate) async fn evict(
    session: &mut Session<'_>,
    digests: &[Digest],
) -> Result<Vec<Digest>, SqlError> {
    let mut waiting = digests.to_vec();
    let mut forgotten = Vec::new();
    // Ends: a manifest's own children are forgotten before its claimants are asked for, so none comes up for ever.
    while let Some(digest) = waiting.pop() {
        let key = digest_key(&digest);
        manifests::forget(session, &key).await?;
        waiting.extend(manifests::claimants(session, &key).await?);
        forget_links(session, &key).await?;
        if forget(session, &key).await? {
            forgotten.push(digest);
        }
    }
    Ok(forgotten)
}

async fn keep_again(
    session: &mut Session<'_>,
    key: &[u8],
    size: i64,
    used_at: Timestamp,
) -> Result<(), SqlError> {
    let found = sqlx::query("SELECT size FROM objects WHERE digest = $1")
        .bind(key)
        .fetch_one(&mut *session.connection)
        .await?;
    let before: i64 = found.try_get(0)?;
    sqlx::query(
        "UPDATE objects SET size = $2, used_at = CASE WHEN used_at < $3 THEN $3 ELSE used_at END
         WHERE digest = $1",
    )
    .bind(key)
    .bind(size)
    .bind(used_at.0)
    .execute(&mut *session.connection)
    .await?;
    session.tally.object_bytes = (session.tally.object_bytes + size).saturating_sub(before);
    Ok(())
}

async fn forget(session: &mut Session<'_>, key: &[u8]) -> Result<bool, SqlError> {
    let deleted = sqlx::query("DELETE FROM objects WHERE digest = $1 RETURNING size")
        .bind(key)
        .fetch_optional(&mut *session.connection)
        .await?;
    let Some(deleted) = deleted else {
        return Ok(false);
    };
    let size: i64 = deleted.try_get(0)?;
    session.tally.objects -= 1;
    session.tally.object_bytes = session.tally.object_bytes.saturating_sub(size);
    Ok(true)
}

async fn forget_links(session: &mut Session<'_>, key: &[u8]) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM links WHERE digest = $1")
        .bind(key)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

fn recorded_size(size: u64) -> Result<i64, SqlError> {
    i64::try_from(size)
        .ok()
        .filter(|_| size <= MAX_OBJECT_BYTES)
        .ok_or(SqlError::TooLarge("the object's size"))
}
