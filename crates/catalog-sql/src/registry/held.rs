//! What is held at all, whoever holds it: what garbage collection asks, and the sums of it.

use std::collections::{BTreeMap, HashSet};

use forebay_content::{BlobStat, HostedUsage};
use forebay_oci::Digest;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::Session;
use crate::error::SqlError;
use crate::key::digest_key;
use crate::readers::Readers;
use crate::row;

/// The most digests that one statement asks for.
const AT_ONCE: usize = 256;

/// How many rows are read in one go where all are.
const READ_AT_ONCE: i64 = 2000;

/// A page of the table of blobs itself, by its key: no index of digests has a part in it.
pub(super) const READ_BLOBS: &str =
    "SELECT repository, digest FROM blobs WHERE (repository, digest) > ($1, $2)
     ORDER BY repository, digest LIMIT $3";

/// A page of the table of manifests itself: the same.
pub(super) const READ_MANIFESTS: &str =
    "SELECT id, digest FROM manifests WHERE id > $1 ORDER BY id LIMIT $2";

/// What is held after a digest, as blob or as manifest.
pub(super) const AFTER: [&str; 2] = [
    "SELECT digest, MAX(size) FROM blobs WHERE digest > $1 GROUP BY digest ORDER BY digest LIMIT $2",
    "SELECT digest, MAX(size) FROM manifests WHERE digest > $1 GROUP BY digest ORDER BY digest LIMIT $2",
];

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
        for row in &readers.find_all(query).await? {
            found.insert(row::digest(row, 0)?);
        }
    }
    let held = digests.iter().filter(|digest| found.contains(digest));
    Ok(held.cloned().collect())
}

/// The same, found by reading both tables through: what an index has lost, or has under another digest, is found here.
pub(super) async fn held_on_reading(
    readers: &Readers,
    digests: &[Digest],
) -> Result<Vec<Digest>, SqlError> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let asked: HashSet<Vec<u8>> = digests.iter().map(digest_key).collect();
    let mut found = HashSet::new();
    let mut last = (i64::MIN, Vec::new());
    loop {
        let query = sqlx::query(READ_BLOBS)
            .bind(last.0)
            .bind(last.1.clone())
            .bind(READ_AT_ONCE);
        let rows = readers.list(query).await?;
        let Some(row) = rows.last() else { break };
        last = (row.try_get(0)?, row.try_get(1)?);
        note(&rows, &asked, &mut found)?;
    }
    let mut last = i64::MIN;
    loop {
        let query = sqlx::query(READ_MANIFESTS).bind(last).bind(READ_AT_ONCE);
        let rows = readers.list(query).await?;
        let Some(row) = rows.last() else { break };
        last = row.try_get(0)?;
        note(&rows, &asked, &mut found)?;
    }
    let held = digests
        .iter()
        .filter(|digest| found.contains(&digest_key(digest)));
    Ok(held.cloned().collect())
}

/// Notes those that were asked for. Columns: anything, digest.
fn note(
    rows: &[AnyRow],
    asked: &HashSet<Vec<u8>>,
    found: &mut HashSet<Vec<u8>>,
) -> Result<(), SqlError> {
    for row in rows {
        let key: &[u8] = row.try_get(1)?;
        if asked.contains(key) {
            found.insert(key.to_vec());
        }
    }
    Ok(())
}

/// What some repository holds after `after`, each once.
pub(super) async fn after(
    readers: &Readers,
    after: Option<&Digest>,
    limit: u32,
) -> Result<Vec<BlobStat>, SqlError> {
    let after = after.map(digest_key).unwrap_or_default();
    let mut found = BTreeMap::new();
    for statement in AFTER {
        let query = sqlx::query(statement)
            .bind(after.clone())
            .bind(i64::from(limit));
        for row in &readers.list(query).await? {
            found.insert(row::digest(row, 0)?, row::count(row, 1)?);
        }
    }
    let page = found
        .into_iter()
        .take(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(page
        .map(|(digest, size)| BlobStat { digest, size })
        .collect())
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
