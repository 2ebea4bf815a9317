//! What is known of the upstreams' limits: budgets, what an image costs, what rests until when.
//!
//! No row is sealed: what rots is asked for again, or rests for a while. A row that cannot be read is left out, and the others
//! hold.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{
    BudgetKey, KeptBudget, KeptCoolDown, KeptLimits, MAX_BUDGETS, MAX_COOL_DOWNS, MAX_SOURCES,
    Timestamp,
};
use forebay_limits::{Limiter, MAX_CHARGES, PullCost, Source};
use forebay_oci::UpstreamName;
use sqlx::Row;
use sqlx::any::AnyRow;
use tracing::warn;

use crate::error::SqlError;
use crate::readers::Readers;
use crate::row;
use crate::session::Session;

/// Forgets budgets of which an account has too many, those seen longest ago.
const FORGET_SOURCES: &str = "DELETE FROM pull_budgets WHERE (upstream, account, source) IN
    (SELECT upstream, account, source FROM
        (SELECT upstream, account, source,
            ROW_NUMBER() OVER (PARTITION BY upstream, account ORDER BY seen_at DESC, source) AS place
         FROM pull_budgets) AS placed
     WHERE place > $1)";

/// Forgets budgets if there are too many in all, first of who has most, so that no registry pushes out another's.
const FORGET_BUDGETS: &str = "DELETE FROM pull_budgets WHERE (upstream, account, source) IN
    (SELECT upstream, account, source FROM
        (SELECT upstream, account, source, seen_at,
            ROW_NUMBER() OVER (PARTITION BY upstream, account ORDER BY seen_at DESC, source) AS place
         FROM pull_budgets) AS placed
     ORDER BY place, seen_at DESC, upstream, account, source LIMIT 1000000 OFFSET $1)";

/// All that is kept.
pub(crate) async fn all(readers: &Readers) -> Result<KeptLimits, SqlError> {
    let budgets = readers
        .list(sqlx::query(
            "SELECT upstream, account, source, pull_limit, remaining, window_ms, seen_at, spent_since, charges
             FROM pull_budgets ORDER BY upstream, account, source",
        ))
        .await?;
    let costs = readers
        .list(sqlx::query(
            "SELECT upstream, once, twice FROM pull_costs ORDER BY upstream",
        ))
        .await?;
    let silences = readers
        .list(sqlx::query(
            "SELECT upstream, heard_at FROM silences ORDER BY upstream",
        ))
        .await?;
    let cool_downs = readers
        .list(sqlx::query(
            "SELECT upstream, scope, limiter, until_at, noted_at FROM cool_downs
             ORDER BY until_at, upstream, scope, limiter",
        ))
        .await?;
    let mut kept = KeptLimits {
        budgets: legible(&budgets, budget),
        costs: legible(&costs, cost),
        silences: legible(&silences, silence),
        cool_downs: legible(&cool_downs, cool_down),
    };
    // A text's order is not everywhere that of what it stands for.
    kept.budgets.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(kept)
}

/// What can be read of these: a row that is damaged, or of a limiter that a newer version knows, says nothing of the others.
fn legible<T>(rows: &[AnyRow], read: impl Fn(&AnyRow) -> Result<T, SqlError>) -> Vec<T> {
    let read = rows.iter().filter_map(|row| {
        read(row)
            .inspect_err(|error| warn!(%error, "a row of what is known of limits is left out"))
            .ok()
    });
    read.collect()
}

/// Records budgets in the place of those before.
pub(crate) async fn keep_budgets(
    session: &mut Session<'_>,
    budgets: &[KeptBudget],
) -> Result<(), SqlError> {
    for budget in budgets {
        keep_budget(session, budget).await?;
    }
    for (statement, most) in [(FORGET_SOURCES, MAX_SOURCES), (FORGET_BUDGETS, MAX_BUDGETS)] {
        sqlx::query(statement)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .execute(&mut *session.connection)
            .await?;
    }
    Ok(())
}

/// Records what an image costs.
pub(crate) async fn keep_pull_cost(
    session: &mut Session<'_>,
    upstream: &UpstreamName,
    cost: PullCost,
) -> Result<(), SqlError> {
    sqlx::query(
        "INSERT INTO pull_costs (upstream, once, twice) VALUES ($1, $2, $3)
         ON CONFLICT (upstream) DO UPDATE SET once = excluded.once, twice = excluded.twice",
    )
    .bind(upstream.as_ref())
    .bind(i64::from(cost.once))
    .bind(i64::from(cost.twice))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Records when a registry last answered without a word on limits, or that it has spoken of them.
pub(crate) async fn keep_silence(
    session: &mut Session<'_>,
    upstream: &UpstreamName,
    heard_at: Option<Timestamp>,
) -> Result<(), SqlError> {
    let Some(heard_at) = heard_at else {
        sqlx::query("DELETE FROM silences WHERE upstream = $1")
            .bind(upstream.as_ref())
            .execute(&mut *session.connection)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO silences (upstream, heard_at) VALUES ($1, $2)
         ON CONFLICT (upstream) DO UPDATE SET heard_at = excluded.heard_at",
    )
    .bind(upstream.as_ref())
    .bind(heard_at.0)
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Records a cool-down, and forgets those that are over.
pub(crate) async fn keep_cool_down(
    session: &mut Session<'_>,
    cool_down: &KeptCoolDown,
) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM cool_downs WHERE until_at <= $1")
        .bind(cool_down.noted_at.0)
        .execute(&mut *session.connection)
        .await?;
    sqlx::query(
        "INSERT INTO cool_downs (upstream, scope, limiter, until_at, noted_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (upstream, scope, limiter) DO UPDATE SET until_at = excluded.until_at,
             noted_at = excluded.noted_at",
    )
    .bind(cool_down.upstream.as_ref())
    .bind(cool_down.scope.as_ref())
    .bind(limiter_number(cool_down.limiter))
    .bind(cool_down.until.0)
    .bind(cool_down.noted_at.0)
    .execute(&mut *session.connection)
    .await?;
    sqlx::query(
        "DELETE FROM cool_downs WHERE (upstream, scope, limiter) IN
             (SELECT upstream, scope, limiter FROM cool_downs
              ORDER BY until_at DESC, upstream, scope, limiter LIMIT 1000000 OFFSET $1)",
    )
    .bind(i64::try_from(MAX_COOL_DOWNS).unwrap_or(i64::MAX))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Forgets the cool-downs of a scope.
pub(crate) async fn drop_cool_downs(
    session: &mut Session<'_>,
    upstream: &UpstreamName,
    scope: &str,
) -> Result<(), SqlError> {
    sqlx::query("DELETE FROM cool_downs WHERE upstream = $1 AND scope = $2")
        .bind(upstream.as_ref())
        .bind(scope)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

async fn keep_budget(session: &mut Session<'_>, budget: &KeptBudget) -> Result<(), SqlError> {
    let KeptBudget { key, .. } = budget;
    let source = key.source.as_ref().map(Source::to_string);
    sqlx::query(
        "INSERT INTO pull_budgets (upstream, account, source, pull_limit, remaining, window_ms, seen_at, spent_since,
             charges)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (upstream, account, source) DO UPDATE SET pull_limit = excluded.pull_limit,
             remaining = excluded.remaining, window_ms = excluded.window_ms, seen_at = excluded.seen_at,
             spent_since = excluded.spent_since, charges = excluded.charges",
    )
    .bind(key.upstream.as_ref())
    .bind(key.account.as_deref().unwrap_or_default())
    .bind(source.unwrap_or_default())
    .bind(budget.limit.map(bounded))
    .bind(bounded(budget.remaining))
    .bind(i64::try_from(budget.window.as_millis()).unwrap_or(i64::MAX))
    .bind(budget.seen_at.0)
    .bind(bounded(budget.spent_since))
    .bind(written(&budget.charges))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

/// Counts of a registry's are far below, see `forebay_limits::MAX_COUNT`.
fn bounded(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn budget(row: &AnyRow) -> Result<KeptBudget, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a budget");
    let source = row::optional_text(row, 2)?
        .map(|text| Source::parse(&text).ok_or(DAMAGED))
        .transpose()?;
    let limit: Option<i64> = row.try_get(3)?;
    Ok(KeptBudget {
        key: BudgetKey {
            upstream: upstream(row)?,
            account: row::optional_text(row, 1)?,
            source,
        },
        limit: limit
            .map(|limit| u64::try_from(limit).map_err(|_| DAMAGED))
            .transpose()?,
        remaining: row::count(row, 4)?,
        window: Duration::from_millis(row::count(row, 5)?),
        seen_at: Timestamp(row.try_get(6)?),
        spent_since: row::count(row, 7)?,
        charges: charges(row.try_get(8)?),
    })
}

/// Charges as `time:pulls`, with spaces between.
fn written(charges: &[(Timestamp, u64)]) -> String {
    let charges = charges.iter().take(MAX_CHARGES);
    let charges = charges.map(|(at, pulls)| format!("{}:{pulls}", at.0));
    charges.collect::<Vec<_>>().join(" ")
}

/// What cannot be read is left out: a forecast then knows less.
fn charges(text: &str) -> Vec<(Timestamp, u64)> {
    let charges = text.split(' ').filter_map(|charge| {
        let (at, pulls) = charge.split_once(':')?;
        Some((Timestamp(at.parse().ok()?), pulls.parse().ok()?))
    });
    charges.take(MAX_CHARGES).collect()
}

fn cost(row: &AnyRow) -> Result<(UpstreamName, PullCost), SqlError> {
    let votes = |column| {
        u32::try_from(row::count(row, column)?).map_err(|_| SqlError::Damaged("the cost of a pull"))
    };
    let cost = PullCost {
        once: votes(1)?,
        twice: votes(2)?,
    };
    Ok((upstream(row)?, cost))
}

fn silence(row: &AnyRow) -> Result<(UpstreamName, Timestamp), SqlError> {
    Ok((upstream(row)?, Timestamp(row.try_get(1)?)))
}

fn cool_down(row: &AnyRow) -> Result<KeptCoolDown, SqlError> {
    Ok(KeptCoolDown {
        upstream: upstream(row)?,
        scope: Arc::from(row.try_get::<&str, _>(1)?),
        limiter: limiter(row.try_get(2)?)?,
        until: Timestamp(row.try_get(3)?),
        noted_at: Timestamp(row.try_get(4)?),
    })
}

fn upstream(row: &AnyRow) -> Result<UpstreamName, SqlError> {
    Ok(Arc::from(row.try_get::<&str, _>(0)?))
}

/// The number by which a limiter is stored.
const fn limiter_number(limiter: Limiter) -> i64 {
    match limiter {
        Limiter::PullLimit => 0,
        Limiter::AbuseLimit => 1,
        Limiter::LoginLockout => 2,
        Limiter::ApiLimit => 3,
        Limiter::Other => 4,
    }
}

fn limiter(number: i64) -> Result<Limiter, SqlError> {
    Ok(match number {
        0 => Limiter::PullLimit,
        1 => Limiter::AbuseLimit,
        2 => Limiter::LoginLockout,
        3 => Limiter::ApiLimit,
        4 => Limiter::Other,
        _ => return Err(SqlError::Damaged("the limiter of a cool-down")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_read_as_written_and_what_is_no_charge_is_left_out() {
        let some = [(Timestamp(-1), 0), (Timestamp(1_795_000_000_000), u64::MAX)];
        assert_eq!(written(&some), "-1:0 1795000000000:18446744073709551615");
        assert_eq!(charges(&written(&some)), some);
        assert_eq!(charges(""), []);
        assert_eq!(charges("x 1: :1 1:2:3 5:6 7:-1"), [(Timestamp(5), 6)]);
        let many = vec![(Timestamp(1), 1); 1_000];
        assert_eq!(charges(&written(&many)).len(), MAX_CHARGES);
    }
}
