//! Robots' tokens.

use forebay_content::{
    AccountChange, Added, KeptRobot, MAX_ROBOTS, Right, RobotId, Stamp, Timestamp,
};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Session, seals};
use crate::error::SqlError;
use crate::readers::Readers;
use crate::row;
use crate::seal;

const DAMAGED: SqlError = SqlError::Damaged("a robot's token");

/// The token of this id.
pub(super) async fn find(readers: &Readers, id: &RobotId) -> Result<Option<KeptRobot>, SqlError> {
    let query = sqlx::query(
        "SELECT id, name, secret_hash, rights, stamp, created_at, expires_at, revoked_at, seal FROM robots
         WHERE id = $1",
    );
    let found = readers.find(query.bind(id.as_str())).await?;
    found.as_ref().map(robot).transpose()
}

/// The tokens after `after`, at most `limit`.
pub(super) async fn after(
    readers: &Readers,
    after: Option<&RobotId>,
    limit: u32,
) -> Result<Vec<KeptRobot>, SqlError> {
    let query = sqlx::query(
        "SELECT id, name, secret_hash, rights, stamp, created_at, expires_at, revoked_at, seal FROM robots
         WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after.map_or("", RobotId::as_str))
    .bind(i64::from(limit));
    readers.list(query).await?.iter().map(robot).collect()
}

/// Records a token that is not there yet.
pub(super) async fn add(session: &mut Session<'_>, robot: &KeptRobot) -> Result<Added, SqlError> {
    if find_row(session, &robot.id).await?.is_some() {
        return Ok(Added::Taken);
    }
    let row = sqlx::query("SELECT COUNT(*) FROM robots")
        .fetch_one(&mut *session.connection)
        .await?;
    if row::count(&row, 0)? >= MAX_ROBOTS {
        return Ok(Added::Full);
    }
    sqlx::query(
        "INSERT INTO robots (id, name, secret_hash, rights, stamp, created_at, expires_at, revoked_at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(robot.id.as_str())
    .bind(robot.name.as_str())
    .bind(robot.secret_hash.to_vec())
    .bind(written(&robot.rights))
    .bind(robot.stamp.0.cast_signed())
    .bind(robot.created_at.0)
    .bind(robot.expires_at.map(|at| at.0))
    .bind(robot.revoked_at.map(|at| at.0))
    .bind(seals::of_robot(robot))
    .execute(&mut *session.connection)
    .await?;
    Ok(Added::Yes)
}

/// Revokes a token; false if there is none of that id.
pub(super) async fn revoke(
    session: &mut Session<'_>,
    id: &RobotId,
    change: AccountChange,
) -> Result<bool, SqlError> {
    let Some(found) = find_row(session, id).await? else {
        return Ok(false);
    };
    let mut robot = robot(&found)?;
    robot.revoked_at.get_or_insert(change.at);
    robot.stamp = change.stamp;
    sqlx::query("UPDATE robots SET revoked_at = $2, stamp = $3, seal = $4 WHERE id = $1")
        .bind(id.as_str())
        .bind(robot.revoked_at.map(|at| at.0))
        .bind(robot.stamp.0.cast_signed())
        .bind(seals::of_robot(&robot))
        .execute(&mut *session.connection)
        .await?;
    Ok(true)
}

/// Forgets a token; false if there is none of that id.
pub(super) async fn remove(session: &mut Session<'_>, id: &RobotId) -> Result<bool, SqlError> {
    let done = sqlx::query("DELETE FROM robots WHERE id = $1")
        .bind(id.as_str())
        .execute(&mut *session.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Rights as they are stored: a line each, the acts and then the patterns, with spaces between. Neither can hold one.
pub(super) fn written(rights: &[Right]) -> String {
    let line = |right: &Right| {
        let patterns = right.repositories.iter();
        let patterns = patterns.map(|pattern| format!(" {pattern}"));
        format!("{}{}\n", right.acts, patterns.collect::<String>())
    };
    rights.iter().map(line).collect()
}

fn rights(text: &str) -> Result<Vec<Right>, SqlError> {
    let right = |line: &str| {
        let mut words = line.split(' ');
        let acts = words.next().unwrap_or_default();
        let patterns = words.map(|word| word.parse().map_err(|_| DAMAGED));
        Ok(Right {
            acts: acts.parse().map_err(|_| DAMAGED)?,
            repositories: patterns.collect::<Result<_, _>>()?,
        })
    };
    text.lines().map(right).collect()
}

async fn find_row(session: &mut Session<'_>, id: &RobotId) -> Result<Option<AnyRow>, SqlError> {
    let query = sqlx::query(
        "SELECT id, name, secret_hash, rights, stamp, created_at, expires_at, revoked_at, seal FROM robots
         WHERE id = $1",
    );
    let query = query.bind(id.as_str());
    Ok(query.fetch_optional(&mut *session.connection).await?)
}

fn robot(row: &AnyRow) -> Result<KeptRobot, SqlError> {
    let (id, name): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    let robot = KeptRobot {
        id: id.parse().map_err(|_| DAMAGED)?,
        name: name.parse().map_err(|_| DAMAGED)?,
        secret_hash: row
            .try_get::<&[u8], _>(2)?
            .try_into()
            .map_err(|_| DAMAGED)?,
        rights: rights(row.try_get(3)?)?,
        stamp: Stamp(row.try_get::<i64, _>(4)?.cast_unsigned()),
        created_at: Timestamp(row.try_get(5)?),
        expires_at: row.try_get::<Option<i64>, _>(6)?.map(Timestamp),
        revoked_at: row.try_get::<Option<i64>, _>(7)?.map(Timestamp),
    };
    seal::check(row.try_get(8)?, seals::of_robot(&robot), "a robot's token")?;
    Ok(robot)
}
