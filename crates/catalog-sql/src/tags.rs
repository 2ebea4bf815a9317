//! What tags point at.

use forebay_content::KeptTag;
use forebay_oci::{Tag, Target};
use sqlx::Row;

use crate::error::SqlError;
use crate::key::digest_key;
use crate::readers::Readers;
use crate::row;
use crate::seal;
use crate::session::Session;

/// The tag as last seen.
pub(crate) async fn find(
    readers: &Readers,
    target: &Target,
    tag: &Tag,
) -> Result<Option<KeptTag>, SqlError> {
    let query = sqlx::query(
        "SELECT t.digest, t.media_type, t.size, t.checked_at, t.seal
         FROM repositories r JOIN tags t ON t.repository = r.id
         WHERE r.upstream = $1 AND r.name = $2 AND t.name = $3",
    )
    .bind(target.upstream.as_ref())
    .bind(target.repository.as_str())
    .bind(tag.as_str());
    let Some(found) = readers.find(query).await? else {
        return Ok(None);
    };
    let kept = row::tag(&found)?;
    seal::check(found.try_get(4)?, seal::of_tag(target, tag, &kept), "a tag")?;
    Ok(Some(kept))
}

/// Records what the tag points at.
pub(crate) async fn keep(
    session: &mut Session<'_>,
    target: &Target,
    tag: &Tag,
    kept: &KeptTag,
) -> Result<(), SqlError> {
    let repository = session.repository(target).await?;
    sqlx::query(
        "INSERT INTO tags (repository, name, digest, media_type, size, checked_at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest,
             media_type = excluded.media_type, size = excluded.size, checked_at = excluded.checked_at,
             seal = excluded.seal",
    )
    .bind(repository)
    .bind(tag.as_str())
    .bind(digest_key(&kept.digest))
    .bind(kept.media_type.as_str())
    .bind(kept.size.map(u64::cast_signed))
    .bind(kept.checked_at.0)
    .bind(seal::of_tag(target, tag, kept))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Forgets the tag.
pub(crate) async fn forget(
    session: &mut Session<'_>,
    target: &Target,
    tag: &Tag,
) -> Result<(), SqlError> {
    if let Some(repository) = session.find_repository(target).await? {
        sqlx::query("DELETE FROM tags WHERE repository = $1 AND name = $2")
            .bind(repository)
            .bind(tag.as_str())
            .execute(&mut *session.connection)
            .await?;
    }
    Ok(())
}
