//! Manifests, and what they refer to.

use forebay_content::{Child, ChildKind, KeptManifest};
use forebay_oci::Digest;
use sqlx::Row;

use crate::error::SqlError;
use crate::key::digest_key;
use crate::readers::Readers;
use crate::row;
use crate::seal;
use crate::session::Session;

/// What is known of the manifest. One statement, so that its children are those of the same moment.
pub(crate) async fn find(
    readers: &Readers,
    digest: &Digest,
) -> Result<Option<KeptManifest>, SqlError> {
    let query = sqlx::query(
        "SELECT m.media_type, m.size, c.child, c.size AS child_size, c.kind, m.seal
         FROM manifests m LEFT JOIN children c ON c.parent = m.digest
         WHERE m.digest = $1 ORDER BY c.place",
    )
    .bind(digest_key(digest));
    let rows = readers.find_all(query).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let manifest = row::manifest(digest, first, &rows)?;
    let at_rest = first.try_get(5)?;
    seal::check(at_rest, seal::of_manifest(&manifest), "a manifest")?;
    Ok(Some(manifest))
}

/// Records what the manifest is; its object and its link are recorded beside it.
pub(crate) async fn keep(
    session: &mut Session<'_>,
    manifest: &KeptManifest,
) -> Result<(), SqlError> {
    let key = digest_key(&manifest.digest);
    let inserted = sqlx::query(
        "INSERT INTO manifests (digest, media_type, size, seal) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest) DO NOTHING",
    )
    .bind(key.as_slice())
    .bind(manifest.media_type.as_str())
    .bind(manifest.size.cast_signed())
    .bind(seal::of_manifest(manifest))
    .execute(&mut *session.connection)
    .await?;
    if inserted.rows_affected() == 0 {
        replace(session, &key, manifest).await?;
    }
    for (place, child) in (0_i64..).zip(&manifest.children) {
        add_child(session, &key, place, child).await?;
    }
    Ok(())
}

/// Forgets what the manifest was.
pub(crate) async fn forget(session: &mut Session<'_>, key: &[u8]) -> Result<(), SqlError> {
    let deleted = sqlx::query("DELETE FROM manifests WHERE digest = $1")
        .bind(key)
        .execute(&mut *session.connection)
        .await?;
    if deleted.rows_affected() > 0 {
        forget_children(session, key).await?;
    }
    Ok(())
}

/// The manifests that refer to the content as a blob.
pub(crate) async fn claimants(
    session: &mut Session<'_>,
    key: &[u8],
) -> Result<Vec<Digest>, SqlError> {
    let rows = sqlx::query("SELECT DISTINCT parent FROM children WHERE child = $1 AND kind = $2")
        .bind(key)
        .bind(row::kind_number(ChildKind::Blob))
        .fetch_all(&mut *session.connection)
        .await?;
    rows.iter().map(|found| row::digest(found, 0)).collect()
}

async fn replace(
    session: &mut Session<'_>,
    key: &[u8],
    manifest: &KeptManifest,
) -> Result<(), SqlError> {
    sqlx::query("UPDATE manifests SET media_type = $2, size = $3, seal = $4 WHERE digest = $1")
        .bind(key)
        .bind(manifest.media_type.as_str())
        .bind(manifest.size.cast_signed())
        .bind(seal::of_manifest(manifest))
        .execute(&mut *session.connection)
        .await?;
    forget_children(session, key).await
}

async fn forget_children(session: &mut Session<'_>, key: &[u8]) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM children WHERE parent = $1")
        .bind(key)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

async fn add_child(
    session: &mut Session<'_>,
    parent: &[u8],
    place: i64,
    child: &Child,
) -> Result<(), SqlError> {
    sqlx::query(
        "INSERT INTO children (parent, place, child, size, kind) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(parent)
    .bind(place)
    .bind(digest_key(&child.digest))
    .bind(child.size.cast_signed())
    .bind(row::kind_number(child.kind))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}
