//! Which manifests refer to what, and how often each blob is referred to.

use std::collections::HashSet;

use forebay_content::{ChildKind, HostedChild, Timestamp};
use forebay_oci::Digest;
use sqlx::AssertSqlSafe;
use sqlx::query::Query;

use super::Session;
use super::held::{key_chunks, placeholders};
use crate::error::SqlError;
use crate::row::{self, kind_number};

/// Counts a manifest as one more user of its blobs.
pub(super) const HOLD: &str = "UPDATE blobs SET uses = uses + 1 WHERE repository = $1 AND digest IN
         (SELECT child FROM children WHERE parent = $2 AND kind = 1)";

/// Counts a manifest no more as a user of its blobs.
pub(super) const LET_GO: &str = "UPDATE blobs SET uses = uses - 1,
         noted_at = CASE WHEN uses = 1 AND noted_at < $3 THEN $3 ELSE noted_at END
     WHERE repository = $1 AND digest IN (SELECT child FROM children WHERE parent = $2 AND kind = 1)";

/// Of the children that must be there, those that are not, in their order; all of them where there is no repository.
pub(super) async fn missing(
    session: &mut Session<'_>,
    repository: Option<i64>,
    children: &[HostedChild],
) -> Result<Vec<Digest>, SqlError> {
    let required = || children.iter().filter(|child| child.is_required);
    let Some(repository) = repository else {
        return Ok(required().map(|child| child.digest.clone()).collect());
    };
    let of_kind = |kind| {
        let of_kind = required().filter(move |child| child.kind == kind);
        key_chunks(of_kind.map(|child| &child.digest))
    };
    let blobs = find_all(session, repository, "blobs", of_kind(ChildKind::Blob)).await?;
    let manifests = of_kind(ChildKind::Manifest);
    let manifests = find_all(session, repository, "manifests", manifests).await?;
    let is_missing = |child: &&HostedChild| match child.kind {
        ChildKind::Blob => !blobs.contains(&child.digest),
        ChildKind::Manifest => !manifests.contains(&child.digest),
    };
    let missing = required().filter(is_missing);
    Ok(missing.map(|child| child.digest.clone()).collect())
}

/// Records what the manifest refers to. It has no children yet.
pub(super) async fn add(
    session: &mut Session<'_>,
    repository: i64,
    parent: i64,
    children: &[HostedChild],
) -> Result<(), SqlError> {
    for kind in [ChildKind::Blob, ChildKind::Manifest] {
        let of_kind = children.iter().filter(|child| child.kind == kind);
        for keys in key_chunks(of_kind.map(|child| &child.digest)) {
            let rows: Vec<_> = (4..4 + keys.len())
                .map(|key| format!("($1, $2, $3, ${key})"))
                .collect();
            let rows = rows.join(", ");
            // A child that is there already is a key that fills up its chunk.
            let statement = format!(
                "INSERT INTO children (repository, parent, kind, child) VALUES {rows} ON CONFLICT DO NOTHING"
            );
            let query = sqlx::query(AssertSqlSafe(statement))
                .bind(repository)
                .bind(parent)
                .bind(kind_number(kind));
            let query = keys.into_iter().fold(query, Query::bind);
            query.execute(&mut *session.connection).await?;
        }
    }
    sqlx::query(HOLD)
        .bind(repository)
        .bind(parent)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// Forgets what the manifest refers to; from `at` on, if that is told, those blobs are unused that nothing else refers to.
pub(super) async fn forget(
    session: &mut Session<'_>,
    repository: i64,
    parent: i64,
    at: Option<Timestamp>,
) -> Result<(), SqlError> {
    sqlx::query(LET_GO)
        .bind(repository)
        .bind(parent)
        .bind(at.map_or(i64::MIN, |at| at.0))
        .execute(&mut *session.connection)
        .await?;
    sqlx::query("DELETE FROM children WHERE parent = $1")
        .bind(parent)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// True if a manifest of the repository names this one as a child.
pub(super) async fn is_child(
    session: &mut Session<'_>,
    repository: i64,
    key: &[u8],
) -> Result<bool, SqlError> {
    let found = sqlx::query(
        "SELECT 1 FROM children WHERE repository = $1 AND child = $2 AND kind = 0 LIMIT 1",
    )
    .bind(repository)
    .bind(key)
    .fetch_optional(&mut *session.connection)
    .await?;
    Ok(found.is_some())
}

/// Of the keys, those that the repository has in this table.
async fn find_all(
    session: &mut Session<'_>,
    repository: i64,
    table: &str,
    chunks: Vec<Vec<Vec<u8>>>,
) -> Result<HashSet<Digest>, SqlError> {
    let mut found = HashSet::new();
    for keys in chunks {
        let set = placeholders(2, keys.len());
        let statement =
            format!("SELECT digest FROM {table} WHERE repository = $1 AND digest IN ({set})");
        let query = sqlx::query(AssertSqlSafe(statement)).bind(repository);
        let query = keys.into_iter().fold(query, Query::bind);
        for row in query.fetch_all(&mut *session.connection).await? {
            found.insert(row::digest(&row, 0)?);
        }
    }
    Ok(found)
}
