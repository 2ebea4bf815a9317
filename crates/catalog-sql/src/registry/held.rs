//! What is held at all, whoever holds it: what garbage collection asks, and the sums of it.

use std::collections::HashSet;

use forebay_content::HostedUsage;
use forebay_oci::Digest;
use sqlx::{AssertSqlSafe, Row};

use super::Session;
use crate::error::SqlError;
use crate::key::digest_key;
use crate::readers::Readers;
use crate::row;

/// The most digests that one statement asks for.
const AT_ONCE: usize = 256;

/// Of `digests`, those that some repository holds, in the order given.
pub(super) async fn held(readers: &Readers, digests: &[Digest]) -> Result<Vec<Digest>, SqlError> {
    let mut found = HashSet::new();
    for keys in key_chunks(digests.iter()) {
        let set = placeholders(1, keys.len());
        let statement = format!(
            "SELECT digest FROM blobs WHERE digest IN ({set})
             UNION SELECT digest FROM manifests WHERE digest IN ({set})"
        );
        let query = keys
            .into_iter()
            .fold(sqlx::query(AssertSqlSafe(statement)), |query, key| {
                query.bind(key)
            });
        for row in &readers.list(query).await? {
            found.insert(row::digest(row, 0)?);
        }
    }
    let held = digests.iter().filter(|digest| found.contains(digest));
    Ok(held.cloned().collect())
}

/// How much all repositories hold.
pub(super) async fn usage(readers: &Readers) -> Result<HostedUsage, SqlError> {
    let query = sqlx::query("SELECT repositories, objects, bytes FROM totals");
    let found = readers.find(query).await?;
    let found = found.ok_or(SqlError::Damaged("the row of totals"))?;
    Ok(HostedUsage {
        repositories: row::count(&found, 0)?,
        objects: row::count(&found, 1)?,
        bytes: row::count(&found, 2)?,
    })
}

/// Counts an object of that size, unless somebody holds it already. To be called before it is recorded.
pub(super) async fn join(session: &mut Session<'_>, key: &[u8], size: i64) -> Result<(), SqlError> {
    if !is_held(session, key).await? {
        session.tally.objects += 1;
        session.tally.bytes += size;
    }
    Ok(())
}

/// Counts an object of that size no more, unless somebody holds it still. To be called after one record of it was deleted.
pub(super) async fn leave(
    session: &mut Session<'_>,
    key: &[u8],
    size: i64,
) -> Result<(), SqlError> {
    if !is_held(session, key).await? {
        session.tally.objects -= 1;
        session.tally.bytes = session.tally.bytes.saturating_sub(size);
    }
    Ok(())
}

/// Counts what only this repository holds no more. To be called before its records are deleted.
pub(super) async fn leave_all(session: &mut Session<'_>, repository: i64) -> Result<(), SqlError> {
    let found = sqlx::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(mine.size), 0) AS BIGINT) FROM
             (SELECT digest, size FROM blobs WHERE repository = $1
              UNION SELECT digest, size FROM manifests WHERE repository = $1) mine
         WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = mine.digest AND b.repository <> $1)
             AND NOT EXISTS
                 (SELECT 1 FROM manifests m WHERE m.digest = mine.digest AND m.repository <> $1)",
    )
    .bind(repository)
    .fetch_one(&mut *session.connection)
    .await?;
    session.tally.objects -= found.try_get::<i64, _>(0)?;
    session.tally.bytes = session.tally.bytes.saturating_sub(found.try_get(1)?);
    Ok(())
}

/// The digests' keys, so many at once as one statement takes. Each chunk is filled up to a power of two with its first key, so
/// that there are few different statements to prepare.
pub(super) fn key_chunks<'d>(digests: impl Iterator<Item = &'d Digest>) -> Vec<Vec<Vec<u8>>> {
    let keys: Vec<_> = digests.map(digest_key).collect();
    let chunks = keys.chunks(AT_ONCE).map(|chunk| {
        let mut filled = chunk.to_vec();
        filled.resize(chunk.len().next_power_of_two(), chunk[0].clone());
        filled
    });
    chunks.collect()
}

/// `$from, …`, so many.
pub(super) fn placeholders(from: usize, count: usize) -> String {
    let numbers: Vec<_> = (from..from + count)
        .map(|number| format!("${number}"))
        .collect();
    numbers.join(", ")
}

async fn is_held(session: &mut Session<'_>, key: &[u8]) -> Result<bool, SqlError> {
    let found = sqlx::query(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM blobs WHERE digest = $1)
             OR EXISTS (SELECT 1 FROM manifests WHERE digest = $1)",
    )
    .bind(key)
    .fetch_optional(&mut *session.connection)
    .await?;
    Ok(found.is_some())
}
