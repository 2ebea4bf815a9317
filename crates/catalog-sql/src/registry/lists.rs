//! Manifests of a repository, a page at a time: as lifecycle rules look at them, and as referrers of a subject.

use forebay_content::{ChildKind, HostedEntry, MAX_REFERRERS_BYTES, Referrer, ReferrersOf};
use forebay_oci::{Digest, RepositoryName};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::manifests::{self, COLUMNS};
use super::{seals, tags};
use crate::error::SqlError;
use crate::key::digest_key;
use crate::readers::Readers;
use crate::row::kind_number;
use crate::{row, seal};

/// Those of one digest.
pub(super) const OF_ONE: &str = "repositories r JOIN manifests m ON m.repository = r.id
             WHERE m.digest = $2";

/// Those after a digest.
pub(super) const AFTER: &str = "repositories r JOIN manifests m ON m.repository = r.id
             WHERE m.digest > $2";

/// Those after a digest that name a manifest, or a blob, as their child. In this order: few name one, and a repository has many.
pub(super) const PARENTS: &str = "repositories r CROSS JOIN children c CROSS JOIN manifests m
             WHERE c.repository = r.id AND c.child = $4 AND c.kind = $5 AND m.id = c.parent AND m.digest > $2";

/// The blobs that a manifest names and its repository does not hold.
pub(super) const ABSENT_BLOBS: &str =
    "SELECT c.child FROM repositories r CROSS JOIN manifests m CROSS JOIN children c
     WHERE r.name = $1 AND m.repository = r.id AND m.digest = $2 AND c.parent = m.id AND c.kind = 1
         AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.repository = r.id AND b.digest = c.child)
     ORDER BY c.child LIMIT $3";

/// What a referrer is told by.
pub(super) const REFERRER: &str =
    "m.digest, m.media_type, m.size, m.subject, m.pushed_at, m.pulled_at, m.is_pinned, m.seal,
             m.artifact_type, m.annotations, m.referrer_seal";

/// How much of it may be long, which takes no look at it.
pub(super) const REFERRER_BYTES: &str = "coalesce(octet_length(m.annotations), 0)";

/// The manifest as lifecycle rules look at it.
pub(super) async fn find_entry(
    readers: &Readers,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<HostedEntry>, SqlError> {
    let query = entries(repository, (OF_ONE, digest_key(digest)), 1);
    let found = read_entries(repository, &readers.find_all(query).await?)?;
    Ok(found.into_iter().next())
}

/// A page of the repository's manifests in the order of their digests.
pub(super) async fn entries_after(
    readers: &Readers,
    repository: &RepositoryName,
    after: Option<&Digest>,
    limit: u32,
) -> Result<Vec<HostedEntry>, SqlError> {
    // No key is as low as no bytes at all.
    let after = after.map(digest_key).unwrap_or_default();
    let query = entries(repository, (AFTER, after), limit);
    read_entries(repository, &readers.list(query).await?)
}

/// A page of the manifests that name this one, or this blob, in the order of their digests.
pub(super) async fn parents_after(
    readers: &Readers,
    repository: &RepositoryName,
    (child, kind): (&Digest, ChildKind),
    (after, limit): (Option<&Digest>, u32),
) -> Result<Vec<HostedEntry>, SqlError> {
    let query = sqlx::query(AssertSqlSafe(entries_statement(PARENTS)))
        .bind(repository.as_str())
        .bind(after.map(digest_key).unwrap_or_default())
        .bind(i64::from(limit))
        .bind(digest_key(child))
        .bind(kind_number(kind));
    read_entries(repository, &readers.find_all(query).await?)
}

/// Of the blobs that the manifest names, those that the repository does not hold.
pub(super) async fn absent_blobs(
    readers: &Readers,
    repository: &RepositoryName,
    manifest: &Digest,
    limit: u32,
) -> Result<Vec<Digest>, SqlError> {
    let query = sqlx::query(ABSENT_BLOBS)
        .bind(repository.as_str())
        .bind(digest_key(manifest))
        .bind(i64::from(limit));
    let rows = readers.find_all(query).await?;
    rows.iter().map(|found| row::digest(found, 0)).collect()
}

/// A page of the manifests that have that subject, in the order of their digests: as many as there is room for, by what they would
/// bring into memory.
pub(super) async fn referrers_after(
    readers: &Readers,
    repository: &RepositoryName,
    of: &ReferrersOf,
    (after, limit): (Option<&Digest>, u32),
) -> Result<Vec<Referrer>, SqlError> {
    let ask = async |columns, limit: i64| {
        let is_filtered = of.artifact_type.is_some();
        let query = sqlx::query(AssertSqlSafe(referrers_statement(columns, is_filtered)))
            .bind(repository.as_str())
            .bind(digest_key(&of.subject))
            .bind(after.map(digest_key).unwrap_or_default())
            .bind(limit);
        let query = match &of.artifact_type {
            Some(artifact_type) => query.bind(artifact_type.as_str()),
            None => query,
        };
        readers.list(query).await
    };
    let mut lengths = Vec::new();
    for found in ask(REFERRER_BYTES, i64::from(limit)).await? {
        lengths.push(row::count(&found, 0)?);
    }
    let room = i64::try_from(fitting(&lengths)).unwrap_or(i64::MAX);
    if room == 0 {
        return Ok(Vec::new());
    }
    let rows = ask(REFERRER, room).await?;
    rows.iter()
        .map(|found| referrer(repository, found))
        .collect()
}

/// How many of the first have no more than [`MAX_REFERRERS_BYTES`] together; the first in any case.
fn fitting(lengths: &[u64]) -> usize {
    let mut bytes = 0_u64;
    let fits = |length: &&u64| {
        bytes = bytes.saturating_add(**length);
        bytes <= MAX_REFERRERS_BYTES as u64
    };
    let count = lengths.iter().take_while(fits).count();
    count.max(lengths.len().min(1))
}

/// The statement of a page of referrers, all or of one artifact type.
pub(super) fn referrers_statement(columns: &str, is_filtered: bool) -> String {
    let filter = if is_filtered {
        "AND m.artifact_type = $5"
    } else {
        ""
    };
    format!(
        "SELECT {columns} FROM repositories r JOIN manifests m ON m.repository = r.id
         WHERE r.name = $1 AND m.subject = $2 AND m.digest > $3 {filter} ORDER BY m.digest LIMIT $4"
    )
}

/// The statement of a page of entries: of each manifest as many rows as it has tags, or one without a tag.
pub(super) fn entries_statement(which: &str) -> String {
    format!(
        "SELECT m.digest, m.media_type, m.size, m.subject, m.pushed_at, m.pulled_at, m.is_pinned, m.seal,
             EXISTS (SELECT 1 FROM children c
                 WHERE c.repository = m.repository AND c.child = m.digest AND c.kind = 0) AS is_child,
             EXISTS (SELECT 1 FROM manifests s
                 WHERE s.repository = m.repository AND s.digest = m.subject) AS has_subject,
             t.name, t.seal AS tag_seal, m.tags
         FROM (SELECT m.id, m.repository, m.digest, m.media_type, m.size, m.subject, m.pushed_at, m.pulled_at,
                 m.is_pinned, m.seal, m.tags
             FROM {which} AND r.name = $1 ORDER BY m.digest LIMIT $3) m
         LEFT JOIN tags t ON t.manifest = m.id ORDER BY m.digest, t.name"
    )
}

fn entries<'q>(
    repository: &'q RepositoryName,
    (which, digest): (&str, Vec<u8>),
    limit: u32,
) -> Query<'q, Any, AnyArguments> {
    sqlx::query(AssertSqlSafe(entries_statement(which)))
        .bind(repository.as_str())
        .bind(digest)
        .bind(i64::from(limit))
}

fn read_entries(
    repository: &RepositoryName,
    rows: &[AnyRow],
) -> Result<Vec<HostedEntry>, SqlError> {
    let manifests = rows.chunk_by(is_same);
    manifests.map(|rows| entry(repository, rows)).collect()
}

/// True if both rows are of one manifest.
fn is_same(one: &AnyRow, next: &AnyRow) -> bool {
    match (row::digest(one, 0), row::digest(next, 0)) {
        (Ok(one), Ok(next)) => one == next,
        _ => false,
    }
}

/// The rows of one manifest, at least one.
fn entry(repository: &RepositoryName, rows: &[AnyRow]) -> Result<HostedEntry, SqlError> {
    let first = rows.first().ok_or(SqlError::Damaged("a list"))?;
    let recorded = manifests::sound(repository, first)?;
    let mut tags = Vec::new();
    for found in rows {
        if let Some(name) = found.try_get::<Option<&str>, _>(COLUMNS + 2)? {
            let tag = tags::parse(name)?;
            let of_read = seals::of_tag(repository, &tag, &recorded.manifest.digest);
            seal::check(found.try_get(COLUMNS + 3)?, of_read, "a tag")?;
            tags.push(tag);
        }
    }
    tags::check_count(row::count(first, COLUMNS + 4)?, &tags)?;
    let has_subject = row::flag(first, COLUMNS + 1)?;
    Ok(HostedEntry {
        manifest: recorded.manifest,
        tags,
        pushed_at: recorded.pushed_at,
        pulled_at: recorded.pulled_at,
        is_pinned: recorded.is_pinned,
        is_child: row::flag(first, COLUMNS)?,
        subject: recorded.subject.filter(|_| has_subject),
    })
}

fn referrer(repository: &RepositoryName, found: &AnyRow) -> Result<Referrer, SqlError> {
    let recorded = manifests::sound(repository, found)?;
    let artifact_type: Option<String> = found.try_get(COLUMNS)?;
    let annotations: Option<String> = found.try_get(COLUMNS + 1)?;
    let of_read = seals::of_referrer(
        &recorded.manifest.digest,
        artifact_type.as_deref(),
        annotations.as_deref(),
    );
    seal::check(found.try_get(COLUMNS + 2)?, of_read, "a referrer")?;
    Ok(Referrer {
        manifest: recorded.manifest,
        artifact_type,
        annotations,
    })
}
