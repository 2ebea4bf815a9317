//! Which manifest a tag points at.

use async_trait::async_trait;
use forebay_content::{Dropped, HostedManifest, TagNames};
use forebay_oci::{Digest, RepositoryName, Tag};
use sqlx::{AssertSqlSafe, Row};

use super::layout::RegistryLayout;
use super::repositories::{self, Change, Found};
use super::{Session, manifests, seals};
use crate::dialect::HEX;
use crate::error::SqlError;
use crate::key::parse_hex_digest;
use crate::layout::Act;
use crate::readers::Readers;
use crate::{row, seal};

/// A page of tags as it was read.
pub(super) struct TagPage {
    /// The tags.
    pub(super) names: TagNames,
    /// How many the repository has, by the sum that is kept of it.
    pub(super) counted: u64,
}

/// Forgets the tag.
#[derive(Debug)]
pub(super) struct DropTag(pub(super) RepositoryName, pub(super) Tag);

/// The manifest that the tag points at.
pub(super) async fn find(
    readers: &Readers,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<HostedManifest>, SqlError> {
    let query = sqlx::query(
        "SELECT m.digest, m.media_type, m.size, m.subject, m.pushed_at, m.pulled_at, m.is_pinned, m.seal, t.seal
         FROM repositories r JOIN tags t ON t.repository = r.id JOIN manifests m ON m.id = t.manifest
         WHERE r.name = $1 AND t.name = $2",
    )
    .bind(repository.as_str())
    .bind(tag.as_str());
    let Some(found) = readers.find(query).await? else {
        return Ok(None);
    };
    let recorded = manifests::sound(repository, &found)?;
    let of_read = seals::of_tag(repository, tag, &recorded.manifest.digest);
    seal::check(found.try_get(manifests::COLUMNS)?, of_read, "a tag")?;
    Ok(Some(recorded.manifest))
}

/// A page of the repository's tags in the order of their bytes; `None` if there is no such repository.
pub(super) async fn after(
    readers: &Readers,
    repository: &RepositoryName,
    after: Option<&str>,
    limit: u32,
) -> Result<Option<TagPage>, SqlError> {
    let query = sqlx::query(AssertSqlSafe(page_statement()))
        .bind(repository.as_str())
        // No tag is as low as an empty one.
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit));
    let Some(found) = readers.find(query).await? else {
        return Ok(None);
    };
    Ok(Some(TagPage {
        names: sound_names(repository, found.try_get(1)?)?,
        counted: row::count(&found, 0)?,
    }))
}

/// The statement of a page of a repository's tags: one row, with all of the page in a text. A row for each tag costs ten times as
/// much, nearly all of it on the way from the database's thread to ours. One question, so that all is of one moment.
pub(super) fn page_statement() -> String {
    // An empty digest, and not none, where a tag leads nowhere: none would leave the tag out.
    format!(
        "SELECT r.tags, (SELECT COUNT(*) || ';' || COALESCE(
                 string_agg(p.name || ' ' || p.seal || ' ' || {HEX}(p.digest), ','), '')
             FROM (SELECT t.name, t.seal, m.digest FROM tags t LEFT JOIN manifests m ON m.id = t.manifest
                 WHERE t.repository = r.id AND t.name > $2 ORDER BY t.name LIMIT $3) p)
         FROM repositories r WHERE r.name = $1"
    )
}

/// What the statement wrote: `2;v1 SEAL DIGEST,v2 SEAL DIGEST`. Each tag is compared with its seal, and all with their number.
fn sound_names(repository: &RepositoryName, text: &str) -> Result<TagNames, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a list of tags");
    let (counted, text) = text.split_once(';').ok_or(DAMAGED)?;
    let rows = text.split(',').filter(|_| !text.is_empty());
    let tags = rows.map(|row| {
        let (name, rest) = row.split_once(' ').ok_or(DAMAGED)?;
        let (seal, digest) = rest.split_once(' ').ok_or(DAMAGED)?;
        let (tag, digest) = (parse(name)?, parse_hex_digest(digest)?);
        let at_rest = seal.parse().map_err(|_| DAMAGED)?;
        seal::check(at_rest, seals::of_tag(repository, &tag, &digest), "a tag")?;
        Ok(tag)
    });
    let names = tags.collect::<Result<TagNames, SqlError>>()?;
    // Out of order they could not be looked up, and what is NULL where nothing may be would be left out.
    if counted.parse() == Ok(names.len()) && names.iter().is_sorted() {
        Ok(names)
    } else {
        Err(DAMAGED)
    }
}

#[async_trait]
impl Act for DropTag {
    type Layout = RegistryLayout;
    type Told = Dropped;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Dropped, SqlError> {
        let Self(name, tag) = self;
        let Some(Found { id, .. }) = repositories::found(session, name).await? else {
            return Ok(Dropped::Absent);
        };
        let Some(target) = target(session, id, tag).await? else {
            return Ok(Dropped::Absent);
        };
        let dropped =
            sqlx::query("DELETE FROM tags WHERE repository = $1 AND name = $2 RETURNING manifest")
                .bind(id)
                .bind(tag.as_str())
                .fetch_one(&mut *session.connection)
                .await?;
        count(session, dropped.try_get(0)?, -1).await?;
        let change = Change {
            tags: -1,
            ..Change::default()
        };
        repositories::add(session, id, change).await?;
        Ok(Dropped::Done(target))
    }
}

/// What the tag points at, to an act.
pub(super) async fn target(
    session: &mut Session<'_>,
    repository: i64,
    tag: &Tag,
) -> Result<Option<Digest>, SqlError> {
    let found = sqlx::query(
        "SELECT m.digest FROM tags t LEFT JOIN manifests m ON m.id = t.manifest
         WHERE t.repository = $1 AND t.name = $2",
    )
    .bind(repository)
    .bind(tag.as_str())
    .fetch_optional(&mut *session.connection)
    .await?;
    found.map(|found| row::digest(&found, 0)).transpose()
}

/// Points the tag at the manifest; true if there was no such tag.
pub(super) async fn point(
    session: &mut Session<'_>,
    repository: i64,
    tag: &Tag,
    (manifest, seal): (i64, i64),
) -> Result<bool, SqlError> {
    let before = sqlx::query("SELECT manifest FROM tags WHERE repository = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .fetch_optional(&mut *session.connection)
        .await?;
    if let Some(before) = &before {
        count(session, before.try_get(0)?, -1).await?;
    }
    count(session, manifest, 1).await?;
    sqlx::query(
        "INSERT INTO tags (repository, name, manifest, seal) VALUES ($1, $2, $3, $4)
         ON CONFLICT (repository, name) DO UPDATE SET manifest = excluded.manifest, seal = excluded.seal",
    )
        .bind(repository)
        .bind(tag.as_str())
        .bind(manifest)
        .bind(seal)
        .execute(&mut *session.connection)
        .await?;
    Ok(before.is_none())
}

/// Compares how many tags were found with how many point at the manifest: one that is lost must not make it look untagged.
pub(super) fn check_count(counted: u64, found: &[Tag]) -> Result<(), SqlError> {
    if found.len() as u64 == counted {
        Ok(())
    } else {
        Err(SqlError::Damaged("the tags of a manifest"))
    }
}

/// The tags that point at the manifest, in the order of their bytes.
pub(super) async fn pointing_at(
    session: &mut Session<'_>,
    manifest: i64,
) -> Result<Vec<Tag>, SqlError> {
    let rows = sqlx::query("SELECT name FROM tags WHERE manifest = $1 ORDER BY name")
        .bind(manifest)
        .fetch_all(&mut *session.connection)
        .await?;
    rows.iter().map(|found| parse(found.try_get(0)?)).collect()
}

/// Forgets all tags that point at the manifest; tells how many there were.
pub(super) async fn forget_of(session: &mut Session<'_>, manifest: i64) -> Result<i64, SqlError> {
    let forgotten = sqlx::query("DELETE FROM tags WHERE manifest = $1")
        .bind(manifest)
        .execute(&mut *session.connection)
        .await?;
    Ok(i64::try_from(forgotten.rows_affected()).unwrap_or(i64::MAX))
}

/// Counts tags that point at the manifest, or no longer do.
async fn count(session: &mut Session<'_>, manifest: i64, by: i64) -> Result<(), SqlError> {
    sqlx::query("UPDATE manifests SET tags = tags + $2 WHERE id = $1")
        .bind(manifest)
        .bind(by)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// A tag that was read.
pub(super) fn parse(name: &str) -> Result<Tag, SqlError> {
    name.parse().map_err(|_| SqlError::Damaged("a tag"))
}
