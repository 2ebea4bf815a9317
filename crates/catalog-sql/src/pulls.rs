//! Who pulled what: rows by period and spender, added to.
//!
//! A spender is a row of its own with a number, for its names are longer than all that is counted of it. One without a
//! repository stands for the rest of an address, one without either for others. No row is sealed: rot can only make the
//! accounting wrong.

use std::sync::{Arc, LazyLock};

use forebay_content::{
    Client, MAX_PULL_COUNT, MAX_PULL_ROWS, MERGE_PULL_ROWS, Period, PullCounts, PullCursor,
    PullOrder, PullPage, PullRow, Spender, Spent, TimeRange, Timestamp, TopPage,
};
use forebay_oci::Target;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::error::SqlError;
use crate::readers::Readers;
use crate::row;
use crate::session::Session;

/// What is kept at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Rows, those of others aside.
    pub(crate) rows: usize,
    /// Rows that are merged at once.
    pub(crate) merged_at_once: usize,
}

/// The bounds of a catalog.
pub(crate) const BOUNDS: Bounds = Bounds {
    rows: MAX_PULL_ROWS,
    merged_at_once: MERGE_PULL_ROWS,
};

/// The columns that `spent` reads, of a row of sums and of a row of pulls alike.
const SPENT: &str = "s.upstream, s.repository, s.address, s.user_name, s.agent, s.workload, p.requests, p.pulls,
    p.metered, p.after_index, p.bytes_cache, p.bytes_upstream, p.stale, p.errors, p.first_at, p.last_at, p.reference";

/// Those of a period, after the columns of `spent`.
const PLACE: &str = "p.start_at, p.period, p.spender";

/// The columns of counts.
const COUNTS: [&str; 8] = [
    "requests",
    "pulls",
    "metered",
    "after_index",
    "bytes_cache",
    "bytes_upstream",
    "stale",
    "errors",
];

/// After an insert of all columns: adds to the row that is there, each count up to its bound.
static OR_ADD: LazyLock<String> = LazyLock::new(|| {
    let counts = COUNTS.map(|count| {
        let sum = format!("pulls.{count} + excluded.{count}");
        format!("{count} = CASE WHEN {sum} > {MAX_PULL_COUNT} THEN {MAX_PULL_COUNT} ELSE {sum} END")
    });
    let counts = counts.join(",\n    ");
    format!(
        "ON CONFLICT (start_at, period, spender) DO UPDATE SET
    {counts},
    reference = CASE WHEN excluded.reference <> '' AND
        (excluded.last_at >= pulls.last_at OR pulls.reference = '') THEN excluded.reference
        ELSE pulls.reference END,
    first_at = CASE WHEN excluded.first_at < pulls.first_at THEN excluded.first_at ELSE pulls.first_at END,
    last_at = CASE WHEN excluded.last_at > pulls.last_at THEN excluded.last_at ELSE pulls.last_at END"
    )
});

/// Sums of counts, as integers again: PostgreSQL makes them wider. Their rows are too few to overflow.
const SUMS: &str = "CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(pulls) AS BIGINT) AS pulls,
    CAST(SUM(metered) AS BIGINT) AS metered, CAST(SUM(after_index) AS BIGINT) AS after_index,
    CAST(SUM(bytes_cache) AS BIGINT) AS bytes_cache,
    CAST(SUM(bytes_upstream) AS BIGINT) AS bytes_upstream, CAST(SUM(stale) AS BIGINT) AS stale,
    CAST(SUM(errors) AS BIGINT) AS errors, MIN(first_at) AS first_at, MAX(last_at) AS last_at";

/// Of sums by spender `g`: the reference asked for last of all times.
const LAST_REFERENCE: &str = "COALESCE((SELECT x.reference FROM pulls x
    WHERE x.spender = g.spender AND x.last_at <= g.last_at AND x.reference <> ''
    ORDER BY x.last_at DESC, x.start_at DESC, x.period LIMIT 1), '')";

/// Adds to the rows; the least become others' while there are more than the bounds allow.
pub(crate) async fn add(
    session: &mut Session<'_>,
    rows: &[PullRow],
    bounds: Bounds,
) -> Result<(), SqlError> {
    for row in rows {
        add_one(session, row).await?;
    }
    while count(session).await? > bounds.rows {
        if !merge(session, bounds.merged_at_once).await? {
            break;
        }
    }
    Ok(())
}

/// A page of the rows, the oldest first.
pub(crate) async fn page(
    readers: &Readers,
    range: TimeRange,
    after: Option<PullCursor>,
    limit: u32,
) -> Result<PullPage, SqlError> {
    let statement = format!(
        "SELECT {SPENT}, {PLACE} FROM pulls p JOIN pull_spenders s ON s.id = p.spender
         WHERE {} AND (p.start_at, p.period, p.spender) > ($4, $5, $6)
         ORDER BY p.start_at, p.period, p.spender LIMIT $7",
        overlaps("p.")
    );
    let after = after.unwrap_or(PullCursor {
        start: Timestamp(i64::MIN),
        period: Period::Hour,
        spender: 0,
    });
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(range.until.0)
        .bind(range.since_start(Period::Hour).0)
        .bind(range.since_start(Period::Day).0)
        .bind(after.start.0)
        .bind(period_number(after.period))
        .bind(after.spender)
        // One more tells whether there are more.
        .bind(i64::from(limit) + 1);
    let found = readers.list(query).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let rows: Vec<PullRow> = found
        .iter()
        .take(limit)
        .map(pull_row)
        .collect::<Result<_, _>>()?;
    let last = (found.len() > limit).then(|| found.get(limit.checked_sub(1)?));
    Ok(PullPage {
        rows,
        next: last.flatten().map(cursor).transpose()?,
    })
}

/// A page of the sums by spender.
pub(crate) async fn top(
    readers: &Readers,
    range: TimeRange,
    order: PullOrder,
    page: TopPage,
) -> Result<Vec<Spent>, SqlError> {
    let statement = format!(
        "SELECT {SPENT} FROM (
             SELECT g.*, {LAST_REFERENCE} AS reference FROM (
                 SELECT spender, {SUMS} FROM pulls WHERE {} GROUP BY spender
                 ORDER BY {} DESC, {} DESC, {} DESC, spender LIMIT $4 OFFSET $5) g) p
         JOIN pull_spenders s ON s.id = p.spender",
        overlaps(""),
        summed(order),
        summed(PullOrder::Pulls),
        summed(PullOrder::Bytes),
    );
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(range.until.0)
        .bind(range.since_start(Period::Hour).0)
        .bind(range.since_start(Period::Day).0)
        .bind(i64::from(page.limit))
        .bind(i64::from(page.skip));
    let rows = readers.list(query).await?;
    let mut top: Vec<Spent> = rows.iter().map(spent).collect::<Result<_, _>>()?;
    // By their names where all else is the same.
    top.sort_by(|one, other| order.compare(one, other));
    Ok(top)
}

/// Adds the rows of hours to those of their days.
///
/// The condition that always holds is for SQLite's parser, which would read `ON` after a table as that of a join.
pub(crate) async fn roll_up(session: &mut Session<'_>, before: Timestamp) -> Result<(), SqlError> {
    let statement = format!(
        "INSERT INTO pulls (start_at, period, spender, requests, pulls, metered, after_index, bytes_cache,
             bytes_upstream, stale,
             errors, first_at, last_at, reference)
         SELECT g.day_at, $1, g.spender, g.requests, g.pulls, g.metered, g.after_index, g.bytes_cache,
             g.bytes_upstream, g.stale, g.errors, g.first_at, g.last_at, {LAST_REFERENCE}
         FROM (SELECT (start_at / 86400000) * 86400000 AS day_at, spender, {SUMS} FROM pulls
             WHERE period = $2 AND start_at < $3 GROUP BY (start_at / 86400000) * 86400000, spender) g
         WHERE g.spender > 0 {or_add}",
        or_add = *OR_ADD,
    );
    sqlx::query(AssertSqlSafe(statement))
        .bind(period_number(Period::Day))
        .bind(period_number(Period::Hour))
        .bind(before.0)
        .execute(&mut *session.connection)
        .await?;
    sqlx::query("DELETE FROM pulls WHERE period = $1 AND start_at < $2")
        .bind(period_number(Period::Hour))
        .bind(before.0)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// Forgets old rows, and the spenders of which nothing is left.
pub(crate) async fn forget(session: &mut Session<'_>, before: Timestamp) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM pulls WHERE start_at < $1")
        .bind(before.0)
        .execute(&mut *session.connection)
        .await?;
    sqlx::query(
        "DELETE FROM pull_spenders WHERE NOT EXISTS
             (SELECT 1 FROM pulls WHERE pulls.spender = pull_spenders.id)",
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

async fn count(session: &mut Session<'_>) -> Result<usize, SqlError> {
    let found = sqlx::query("SELECT COUNT(*) FROM pulls")
        .fetch_one(&mut *session.connection)
        .await?;
    Ok(usize::try_from(row::count(&found, 0)?).unwrap_or(usize::MAX))
}

async fn add_one(session: &mut Session<'_>, row: &PullRow) -> Result<(), SqlError> {
    let PullRow {
        period,
        start,
        spent,
    } = row;
    let spender = number_of(session, &spent.spender).await?;
    let statement = format!(
        "INSERT INTO pulls (start_at, period, spender, requests, pulls, metered, after_index, bytes_cache,
             bytes_upstream, stale,
             errors, first_at, last_at, reference)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) {or_add}",
        or_add = *OR_ADD,
    );
    // Cut to what a counter may be.
    let mut counts = PullCounts::default();
    counts.add(spent.counts);
    sqlx::query(AssertSqlSafe(statement))
        .bind(start.0)
        .bind(period_number(*period))
        .bind(spender)
        .bind(counts.requests.cast_signed())
        .bind(counts.pulls.cast_signed())
        .bind(counts.metered.cast_signed())
        .bind(counts.after_index.cast_signed())
        .bind(counts.bytes_cache.cast_signed())
        .bind(counts.bytes_upstream.cast_signed())
        .bind(counts.stale.cast_signed())
        .bind(counts.errors.cast_signed())
        .bind(spent.first_at.0)
        .bind(spent.last_at.0)
        .bind(spent.reference.as_deref().unwrap_or_default())
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// The spender's number, given to it now if it has none.
async fn number_of(session: &mut Session<'_>, spender: &Spender) -> Result<i64, SqlError> {
    let nobody = Client::default();
    let client = spender.client().map_or(&nobody, |client| &**client);
    let address = spender.address().map(|address| address.to_string());
    let names = [
        spender.upstream().as_ref(),
        spender.repository().map_or("", |name| name.as_str()),
        address.as_deref().unwrap_or_default(),
        client.user.as_deref().unwrap_or_default(),
        client.agent.as_ref(),
        client.workload.as_deref().unwrap_or_default(),
    ];
    let find =
        "SELECT id FROM pull_spenders WHERE upstream = $1 AND repository = $2 AND address = $3
             AND user_name = $4 AND agent = $5 AND workload = $6";
    // The empty update makes RETURNING tell the number also if another process was faster.
    let insert =
        "INSERT INTO pull_spenders (upstream, repository, address, user_name, agent, workload)
             VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (upstream, repository, address, user_name, agent, workload)
             DO UPDATE SET upstream = excluded.upstream RETURNING id";
    for statement in [find, insert] {
        let query = names
            .into_iter()
            .fold(sqlx::query(statement), |query, name| {
                query.bind(name.to_owned())
            });
        let found = query.fetch_optional(&mut *session.connection).await?;
        if let Some(found) = found {
            return Ok(found.try_get(0)?);
        }
    }
    Err(SqlError::Damaged("the list of spenders"))
}

/// Merges the least rows into those of others; false if there are none but of others.
///
/// What was never metered goes first, however new: whoever makes up names and images pushes out nobody who spent something.
async fn merge(session: &mut Session<'_>, at_once: usize) -> Result<bool, SqlError> {
    let statement = format!(
        "SELECT {SPENT}, {PLACE} FROM pulls p JOIN pull_spenders s ON s.id = p.spender
         WHERE s.repository <> '' OR s.address <> ''
         ORDER BY CASE WHEN p.metered > 0 THEN 1 ELSE 0 END, p.start_at, p.period, p.metered, p.requests, p.spender
         LIMIT $1"
    );
    let least = sqlx::query(AssertSqlSafe(statement))
        .bind(i64::try_from(at_once).unwrap_or(i64::MAX))
        .fetch_all(&mut *session.connection)
        .await?;
    for row in &least {
        let merged = pull_row(row)?;
        let spent = merged.spent.of_others();
        add_one(session, &PullRow { spent, ..merged }).await?;
        let PullCursor {
            start,
            period,
            spender,
        } = cursor(row)?;
        sqlx::query("DELETE FROM pulls WHERE start_at = $1 AND period = $2 AND spender = $3")
            .bind(start.0)
            .bind(period_number(period))
            .bind(spender)
            .execute(&mut *session.connection)
            .await?;
    }
    Ok(!least.is_empty())
}

/// Rows that reach into a range: `$1` its end, `$2` and `$3` after which an hour and a day have to begin.
fn overlaps(of: &str) -> String {
    format!(
        "{of}start_at < $1 AND (({of}period = 0 AND {of}start_at > $2) OR ({of}period = 1 AND {of}start_at > $3))"
    )
}

/// What the sums of a group are ordered by.
const fn summed(order: PullOrder) -> &'static str {
    match order {
        PullOrder::Charged => "SUM(metered)",
        PullOrder::Pulls => "SUM(pulls)",
        PullOrder::Requests => "SUM(requests)",
        PullOrder::Bytes => "SUM(bytes_cache) + SUM(bytes_upstream)",
        PullOrder::Stale => "SUM(stale)",
        PullOrder::Errors => "SUM(errors)",
    }
}

/// The number by which a period's length is stored.
const fn period_number(period: Period) -> i64 {
    match period {
        Period::Hour => 0,
        Period::Day => 1,
    }
}

/// Columns: those of `SPENT`, then those of `PLACE`.
fn pull_row(row: &AnyRow) -> Result<PullRow, SqlError> {
    let PullCursor { start, period, .. } = cursor(row)?;
    Ok(PullRow {
        period,
        start,
        spent: spent(row)?,
    })
}

fn cursor(row: &AnyRow) -> Result<PullCursor, SqlError> {
    let period = match row.try_get::<i64, _>(18)? {
        0 => Period::Hour,
        1 => Period::Day,
        _ => return Err(SqlError::Damaged("a period of pulls")),
    };
    Ok(PullCursor {
        start: Timestamp(row.try_get(17)?),
        period,
        spender: row.try_get(19)?,
    })
}

/// Columns: those of `SPENT`.
fn spent(row: &AnyRow) -> Result<Spent, SqlError> {
    Ok(Spent {
        spender: spender(row)?,
        counts: PullCounts {
            requests: row::count(row, 6)?,
            pulls: row::count(row, 7)?,
            metered: row::count(row, 8)?,
            after_index: row::count(row, 9)?,
            bytes_cache: row::count(row, 10)?,
            bytes_upstream: row::count(row, 11)?,
            stale: row::count(row, 12)?,
            errors: row::count(row, 13)?,
        },
        first_at: Timestamp(row.try_get(14)?),
        last_at: Timestamp(row.try_get(15)?),
        reference: row::optional_text(row, 16)?,
    })
}

fn spender(row: &AnyRow) -> Result<Spender, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a spender");
    let upstream = Arc::from(row.try_get::<&str, _>(0)?);
    let address = row::optional_text(row, 2)?
        .map(|address| address.parse())
        .transpose()
        .map_err(|_| DAMAGED)?;
    let Some(repository) = row::optional_text(row, 1)? else {
        return Ok(match address {
            Some(address) => Spender::Address { address, upstream },
            None => Spender::Others { upstream },
        });
    };
    let client = Client {
        address,
        user: row::optional_text(row, 3)?,
        agent: Arc::from(row.try_get::<&str, _>(4)?),
        workload: row::optional_text(row, 5)?,
    };
    let repository = repository.parse().map_err(|_| DAMAGED)?;
    Ok(Spender::Client {
        client: Arc::new(client),
        image: Target {
            upstream,
            repository,
        },
    })
}

#[cfg(test)]
mod tests;
