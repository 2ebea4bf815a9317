//! How much there is of what is bounded or asked for often.
//!
//! A transaction counts what it changes, and adds that to the one row of totals before it commits: they are never apart.

use sqlx::AnyConnection;

use crate::error::SqlError;
use crate::row;

/// What a transaction has changed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Objects.
    pub(crate) objects: i64,
    /// Their bytes.
    pub(crate) object_bytes: i64,
    /// Pages of lists.
    pub(crate) lists: i64,
    /// Their bytes.
    pub(crate) list_bytes: i64,
}

/// The pages of lists at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListTotals {
    /// Pages.
    pub(crate) lists: i64,
    /// Their bytes.
    pub(crate) list_bytes: i64,
}

/// Objects and their bytes.
pub(crate) const USAGE: &str = "SELECT objects, object_bytes FROM totals";

/// Adds what a transaction has changed.
pub(crate) async fn add(connection: &mut AnyConnection, tally: Tally) -> Result<(), SqlError> {
    if tally == Tally::default() {
        return Ok(());
    }
    let done = sqlx::query(
        "UPDATE totals SET objects = objects + $1, object_bytes = object_bytes + $2, lists = lists + $3,
             list_bytes = list_bytes + $4",
    )
    .bind(tally.objects)
    .bind(tally.object_bytes)
    .bind(tally.lists)
    .bind(tally.list_bytes)
    .execute(connection)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(SqlError::Damaged("the row of totals"))
    }
}

/// The pages of lists at rest, with what this transaction has changed.
pub(crate) async fn lists(
    connection: &mut AnyConnection,
    tally: Tally,
) -> Result<ListTotals, SqlError> {
    use sqlx::Row;
    let found = sqlx::query("SELECT lists, list_bytes FROM totals")
        .fetch_one(connection)
        .await?;
    Ok(ListTotals {
        lists: found.try_get::<i64, _>(0)?.saturating_add(tally.lists),
        list_bytes: found.try_get::<i64, _>(1)?.saturating_add(tally.list_bytes),
    })
}

/// Compares the row of totals with what is there, which reads every object.
pub(crate) async fn check(connection: &mut AnyConnection) -> Result<(), SqlError> {
    let found = sqlx::query(
        "SELECT objects, object_bytes, (SELECT COUNT(*) FROM objects),
             (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM objects), lists, list_bytes,
             (SELECT COUNT(*) FROM lists), (SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM lists)
         FROM totals",
    )
    .fetch_one(connection)
    .await?;
    for (kept, counted) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
        if row::count(&found, kept)? != row::count(&found, counted)? {
            return Err(SqlError::Damaged("the row of totals"));
        }
    }
    Ok(())
}
