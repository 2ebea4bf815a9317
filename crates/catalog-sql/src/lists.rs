//! Kept pages of tag and referrer lists.
//!
//! Anybody can ask for as many different pages as they like, so both their number and their bytes are bounded.

use forebay_content::{KeptList, ListKey};
use forebay_oci::Target;
use sqlx::Row;

use crate::error::SqlError;
use crate::key::{list_key, page_bytes};
use crate::readers::Readers;
use crate::row;
use crate::seal;
use crate::session::Session;
use crate::totals;

/// What is kept at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Pages.
    pub(crate) lists: i64,
    /// Bytes of all pages with their keys.
    pub(crate) bytes: i64,
    /// Bytes of one page with its key; a larger one is not kept.
    pub(crate) page_bytes: i64,
}

/// The bounds of a catalog: 10,000 pages, 64 MiB, 8 MiB for one.
pub(crate) const BOUNDS: Bounds = Bounds {
    lists: 10_000,
    bytes: 64 << 20,
    page_bytes: 8 << 20,
};

/// The page as last seen.
pub(crate) async fn find(
    readers: &Readers,
    target: &Target,
    key: &ListKey,
) -> Result<Option<KeptList>, SqlError> {
    let key = list_key(key);
    let query = sqlx::query(
        "SELECT l.json, l.more, l.filtered, l.checked_at, l.seal
         FROM repositories r JOIN lists l ON l.repository = r.id
         WHERE r.upstream = $1 AND r.name = $2 AND l.list_key = $3",
    )
    .bind(target.upstream.as_ref())
    .bind(target.repository.as_str())
    .bind(key.as_slice());
    let Some(found) = readers.find(query).await? else {
        return Ok(None);
    };
    let list = row::list(&found)?;
    let of_read = seal::of_list(target, &key, &list);
    seal::check(found.try_get(4)?, of_read, "a page of a list")?;
    Ok(Some(list))
}

/// Records a page in the place of the one before; the oldest go while there are more than the bounds allow.
pub(crate) async fn keep(
    session: &mut Session<'_>,
    target: &Target,
    key: &ListKey,
    list: &KeptList,
    bounds: Bounds,
) -> Result<(), SqlError> {
    let repository = session.repository(target).await?;
    let key = list_key(key);
    forget(session, repository, &key).await?;
    let more = list.more.as_ref().map(page_bytes);
    let bytes = key.len() + list.json.len() + more.as_ref().map_or(0, Vec::len);
    let weight = i64::try_from(bytes).unwrap_or(i64::MAX);
    if weight > bounds.page_bytes {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO lists (repository, list_key, json, more, filtered, weight, checked_at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(repository)
    .bind(key.as_slice())
    .bind(list.json.as_ref())
    .bind(more)
    .bind(i16::from(list.filtered))
    .bind(weight)
    .bind(list.checked_at.0)
    .bind(seal::of_list(target, &key, list))
    .execute(&mut *session.connection)
    .await?;
    session.tally.lists += 1;
    session.tally.list_bytes += weight;
    shrink(session, bounds).await
}

async fn forget(session: &mut Session<'_>, repository: i64, key: &[u8]) -> Result<(), SqlError> {
    let deleted =
        sqlx::query("DELETE FROM lists WHERE repository = $1 AND list_key = $2 RETURNING weight")
            .bind(repository)
            .bind(key)
            .fetch_optional(&mut *session.connection)
            .await?;
    if let Some(deleted) = deleted {
        count_out(session, deleted.try_get(0)?);
    }
    Ok(())
}

async fn shrink(session: &mut Session<'_>, bounds: Bounds) -> Result<(), SqlError> {
    loop {
        let now = totals::lists(session.connection, session.tally).await?;
        if now.lists <= bounds.lists && now.list_bytes <= bounds.bytes {
            return Ok(());
        }
        let deleted = sqlx::query(
            "DELETE FROM lists WHERE (repository, list_key) IN
                 (SELECT repository, list_key FROM lists ORDER BY checked_at LIMIT 1)
             RETURNING weight",
        )
        .fetch_optional(&mut *session.connection)
        .await?;
        // Totals that say more than there is would loop for ever.
        let deleted = deleted.ok_or(SqlError::Damaged("the row of totals"))?;
        count_out(session, deleted.try_get(0)?);
    }
}

fn count_out(session: &mut Session<'_>, weight: i64) {
    session.tally.lists -= 1;
    session.tally.list_bytes = session.tally.list_bytes.saturating_sub(weight);
}

#[cfg(test)]
mod tests;
