//! Users.

use forebay_content::{
    AccountChange, AccountName, Added, KeptUser, MAX_USERS, Secret, Stamp, Timestamp,
};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Session, seals};
use crate::error::SqlError;
use crate::readers::Readers;
use crate::row;
use crate::seal;

const DAMAGED: SqlError = SqlError::Damaged("a user");

/// The user of this name.
pub(super) async fn find(
    readers: &Readers,
    name: &AccountName,
) -> Result<Option<KeptUser>, SqlError> {
    let query = sqlx::query(
        "SELECT name, password, is_disabled, stamp, created_at, changed_at, seal FROM users WHERE name = $1",
    );
    let found = readers.find(query.bind(name.as_str())).await?;
    found.as_ref().map(user).transpose()
}

/// The users after `after`, at most `limit`.
pub(super) async fn after(
    readers: &Readers,
    after: Option<&AccountName>,
    limit: u32,
) -> Result<Vec<KeptUser>, SqlError> {
    let query = sqlx::query(
        "SELECT name, password, is_disabled, stamp, created_at, changed_at, seal FROM users
         WHERE name > $1 ORDER BY name LIMIT $2",
    )
    .bind(after.map_or("", AccountName::as_str))
    .bind(i64::from(limit));
    readers.list(query).await?.iter().map(user).collect()
}

/// Records a user that is not there yet.
pub(super) async fn add(session: &mut Session<'_>, user: &KeptUser) -> Result<Added, SqlError> {
    if find_row(session, &user.name).await?.is_some() {
        return Ok(Added::Taken);
    }
    let row = sqlx::query("SELECT COUNT(*) FROM users")
        .fetch_one(&mut *session.connection)
        .await?;
    if row::count(&row, 0)? >= MAX_USERS {
        return Ok(Added::Full);
    }
    sqlx::query(
        "INSERT INTO users (name, password, is_disabled, stamp, created_at, changed_at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.name.as_str())
    .bind(user.password.expose())
    .bind(i64::from(user.is_disabled))
    .bind(user.stamp.0.cast_signed())
    .bind(user.created_at.0)
    .bind(user.changed_at.0)
    .bind(seals::of_user(user))
    .execute(&mut *session.connection)
    .await?;
    Ok(Added::Yes)
}

/// Changes a user by `act`; false if there is none of that name.
pub(super) async fn change(
    session: &mut Session<'_>,
    name: &AccountName,
    change: AccountChange,
    act: impl FnOnce(&mut KeptUser),
) -> Result<bool, SqlError> {
    let Some(found) = find_row(session, name).await? else {
        return Ok(false);
    };
    let mut user = user(&found)?;
    act(&mut user);
    user.stamp = change.stamp;
    user.changed_at = change.at;
    sqlx::query(
        "UPDATE users SET password = $2, is_disabled = $3, stamp = $4, changed_at = $5, seal = $6 WHERE name = $1",
    )
    .bind(name.as_str())
    .bind(user.password.expose())
    .bind(i64::from(user.is_disabled))
    .bind(user.stamp.0.cast_signed())
    .bind(user.changed_at.0)
    .bind(seals::of_user(&user))
    .execute(&mut *session.connection)
    .await?;
    Ok(true)
}

/// Forgets a user; false if there is none of that name.
pub(super) async fn remove(
    session: &mut Session<'_>,
    name: &AccountName,
) -> Result<bool, SqlError> {
    let done = sqlx::query("DELETE FROM users WHERE name = $1")
        .bind(name.as_str())
        .execute(&mut *session.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn find_row(
    session: &mut Session<'_>,
    name: &AccountName,
) -> Result<Option<AnyRow>, SqlError> {
    let query = sqlx::query(
        "SELECT name, password, is_disabled, stamp, created_at, changed_at, seal FROM users WHERE name = $1",
    );
    let query = query.bind(name.as_str());
    Ok(query.fetch_optional(&mut *session.connection).await?)
}

fn user(row: &AnyRow) -> Result<KeptUser, SqlError> {
    let name: &str = row.try_get(0)?;
    let password: &str = row.try_get(1)?;
    let user = KeptUser {
        name: name.parse().map_err(|_| DAMAGED)?,
        password: Secret::new(password),
        is_disabled: row::flag(row, 2)?,
        stamp: Stamp(row.try_get::<i64, _>(3)?.cast_unsigned()),
        created_at: Timestamp(row.try_get(4)?),
        changed_at: Timestamp(row.try_get(5)?),
    };
    seal::check(row.try_get(6)?, seals::of_user(&user), "a user")?;
    Ok(user)
}
