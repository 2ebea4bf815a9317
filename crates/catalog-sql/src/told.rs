//! What an operator was told. No row is sealed: what rots is told once more.

use forebay_content::{AlertKind, KeptTold, MAX_TOLD, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use tracing::warn;

use crate::error::SqlError;
use crate::readers::Readers;
use crate::session::Session;

/// All that is kept; a row that is damaged, or of a kind that a newer version knows, is left out.
pub(crate) async fn all(readers: &Readers) -> Result<Vec<KeptTold>, SqlError> {
    let rows = readers
        .list(sqlx::query(
            "SELECT kind, subject, told_at, is_open FROM told ORDER BY kind, subject",
        ))
        .await?;
    let read = rows.iter().filter_map(|row| {
        told(row)
            .inspect_err(|error| warn!(%error, "a row of what was told is left out"))
            .ok()
    });
    Ok(read.collect())
}

/// Records what was told, and forgets the oldest of what is too much.
pub(crate) async fn keep(session: &mut Session<'_>, told: &[KeptTold]) -> Result<(), SqlError> {
    for told in told {
        sqlx::query(
            "INSERT INTO told (kind, subject, told_at, is_open) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, subject) DO UPDATE SET told_at = excluded.told_at, is_open = excluded.is_open",
        )
        .bind(kind_number(told.kind))
        .bind(told.subject.as_str())
        .bind(told.at.0)
        .bind(i64::from(told.is_open))
        .execute(&mut *session.connection)
        .await?;
    }
    sqlx::query(
        "DELETE FROM told WHERE (kind, subject) IN
             (SELECT kind, subject FROM told ORDER BY told_at DESC, kind, subject LIMIT 1000000 OFFSET $1)",
    )
    .bind(i64::try_from(MAX_TOLD).unwrap_or(i64::MAX))
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

fn told(row: &AnyRow) -> Result<KeptTold, SqlError> {
    Ok(KeptTold {
        kind: kind_of(row.try_get(0)?).ok_or(SqlError::Damaged("the kind of an alert"))?,
        subject: row.try_get(1)?,
        at: Timestamp(row.try_get(2)?),
        is_open: row.try_get::<i64, _>(3)? != 0,
    })
}

/// The number by which a kind is stored.
const fn kind_number(kind: AlertKind) -> i64 {
    match kind {
        AlertKind::BudgetLow => 0,
        AlertKind::BudgetRunsOut => 1,
        AlertKind::StormBegan => 2,
        AlertKind::StormEnded => 3,
        AlertKind::CredentialRefused => 4,
        AlertKind::UpstreamDown => 5,
        AlertKind::UpstreamBack => 6,
        AlertKind::DiskNearFull => 7,
        AlertKind::Test => 8,
    }
}

/// The kind that is stored by this number.
const fn kind_of(number: i64) -> Option<AlertKind> {
    Some(match number {
        0 => AlertKind::BudgetLow,
        1 => AlertKind::BudgetRunsOut,
        2 => AlertKind::StormBegan,
        3 => AlertKind::StormEnded,
        4 => AlertKind::CredentialRefused,
        5 => AlertKind::UpstreamDown,
        6 => AlertKind::UpstreamBack,
        7 => AlertKind::DiskNearFull,
        8 => AlertKind::Test,
        _ => return None,
    })
}
