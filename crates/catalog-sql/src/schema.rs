//! The catalog's tables, and how a file of an older format is brought to this one.
//!
//! A new format is a new entry at the end of a list of migrations; entries that were released never change. Words in braces are the
//! dialect's.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::dialect;
use crate::error::SqlError;

/// The statements that bring a file from one format to the next.
pub(crate) type Migration = &'static [&'static str];

/// Of the cache's catalog: from nothing to format 1, and so on.
pub(crate) const CATALOG: &[Migration] = &[FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5];

/// Times are milliseconds since the UNIX epoch, sizes are bytes; a size that only a registry claims is stored as the same
/// 64 bits with a sign. Digests are written by `key`, seals by `seal`.
const FORMAT_1: Migration = &[
    "CREATE TABLE catalog_format (version BIGINT NOT NULL)",
    "INSERT INTO catalog_format (version) VALUES (0)",
    "CREATE TABLE repositories (
        id {identity},
        upstream TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (upstream, name)
    )",
    "CREATE TABLE tags (
        repository BIGINT NOT NULL,
        name TEXT NOT NULL,
        digest {bytes} NOT NULL,
        media_type TEXT NOT NULL,
        size BIGINT,
        checked_at BIGINT NOT NULL,
        seal BIGINT NOT NULL,
        PRIMARY KEY (repository, name)
    ) {in_key}",
    "CREATE TABLE objects (
        digest {bytes} NOT NULL PRIMARY KEY,
        size BIGINT NOT NULL,
        used_at BIGINT NOT NULL
    ) {in_key}",
    "CREATE INDEX objects_by_use ON objects (used_at, digest)",
    // By the digest first: an eviction takes all links of one digest.
    "CREATE TABLE links (
        digest {bytes} NOT NULL,
        repository BIGINT NOT NULL,
        linked_at BIGINT NOT NULL,
        seal BIGINT NOT NULL,
        PRIMARY KEY (digest, repository)
    ) {in_key}",
    "CREATE TABLE manifests (
        digest {bytes} NOT NULL PRIMARY KEY,
        media_type TEXT NOT NULL,
        size BIGINT NOT NULL,
        seal BIGINT NOT NULL
    ) {in_key}",
    "CREATE TABLE children (
        parent {bytes} NOT NULL,
        place BIGINT NOT NULL,
        child {bytes} NOT NULL,
        size BIGINT NOT NULL,
        kind SMALLINT NOT NULL,
        PRIMARY KEY (parent, place)
    ) {in_key}",
    "CREATE INDEX children_by_child ON children (child, kind)",
    "CREATE TABLE lists (
        repository BIGINT NOT NULL,
        list_key {bytes} NOT NULL,
        json {bytes} NOT NULL,
        more {bytes},
        filtered SMALLINT NOT NULL,
        weight BIGINT NOT NULL,
        checked_at BIGINT NOT NULL,
        seal BIGINT NOT NULL,
        PRIMARY KEY (repository, list_key)
    )",
    "CREATE INDEX lists_by_age ON lists (checked_at)",
    // One row, kept up to date in every transaction: counting a million objects at each start would take seconds.
    "CREATE TABLE totals (
        objects BIGINT NOT NULL,
        object_bytes BIGINT NOT NULL,
        lists BIGINT NOT NULL,
        list_bytes BIGINT NOT NULL
    )",
    "INSERT INTO totals (objects, object_bytes, lists, list_bytes) VALUES (0, 0, 0, 0)",
];

/// The ledger: who pulled what, and what is known of limits. An absent text is an empty one, for it is part of keys.
const FORMAT_2: Migration = &[
    "CREATE TABLE pull_spenders (
        id {identity},
        upstream TEXT NOT NULL,
        repository TEXT NOT NULL,
        address TEXT NOT NULL,
        user_name TEXT NOT NULL,
        agent TEXT NOT NULL,
        workload TEXT NOT NULL,
        UNIQUE (upstream, repository, address, user_name, agent, workload)
    )",
    "CREATE TABLE pulls (
        start_at BIGINT NOT NULL,
        period SMALLINT NOT NULL,
        spender BIGINT NOT NULL,
        requests BIGINT NOT NULL,
        pulls BIGINT NOT NULL,
        charged BIGINT NOT NULL,
        bytes_cache BIGINT NOT NULL,
        bytes_upstream BIGINT NOT NULL,
        stale BIGINT NOT NULL,
        errors BIGINT NOT NULL,
        first_at BIGINT NOT NULL,
        last_at BIGINT NOT NULL,
        reference TEXT NOT NULL,
        PRIMARY KEY (start_at, period, spender)
    ) {in_key}",
    "CREATE INDEX pulls_by_spender ON pulls (spender, last_at)",
    "CREATE TABLE pull_budgets (
        upstream TEXT NOT NULL,
        account TEXT NOT NULL,
        source TEXT NOT NULL,
        pull_limit BIGINT,
        remaining BIGINT NOT NULL,
        window_ms BIGINT NOT NULL,
        seen_at BIGINT NOT NULL,
        spent_since BIGINT NOT NULL,
        PRIMARY KEY (upstream, account, source)
    ) {in_key}",
    "CREATE TABLE pull_costs (
        upstream TEXT NOT NULL PRIMARY KEY,
        once BIGINT NOT NULL,
        twice BIGINT NOT NULL
    ) {in_key}",
    "CREATE TABLE cool_downs (
        upstream TEXT NOT NULL,
        scope TEXT NOT NULL,
        limiter SMALLINT NOT NULL,
        until_at BIGINT NOT NULL,
        noted_at BIGINT NOT NULL,
        PRIMARY KEY (upstream, scope, limiter)
    ) {in_key}",
];

/// What the ledger needs to tell bounds of what was charged, and to go on forecasting.
const FORMAT_3: Migration = &[
    "ALTER TABLE pulls RENAME COLUMN charged TO metered",
    "ALTER TABLE pulls ADD COLUMN after_index BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE pull_budgets ADD COLUMN charges TEXT NOT NULL DEFAULT ''",
];

/// Which registries answer without a word on limits.
const FORMAT_4: Migration = &["CREATE TABLE silences (
        upstream TEXT NOT NULL PRIMARY KEY,
        heard_at BIGINT NOT NULL
    ) {in_key}"];

/// What an operator was told.
const FORMAT_5: Migration = &["CREATE TABLE told (
        kind SMALLINT NOT NULL,
        subject TEXT NOT NULL,
        told_at BIGINT NOT NULL,
        is_open SMALLINT NOT NULL,
        PRIMARY KEY (kind, subject)
    ) {in_key}"];

/// Brings the file to the newest format of `migrations`, in one transaction.
///
/// # Errors
/// [`SqlError::Format`] for one that is newer; it stays as it is.
pub(crate) async fn migrate(
    connection: &mut AnyConnection,
    migrations: &[Migration],
) -> Result<(), SqlError> {
    if pending(connection, migrations).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin_with(dialect::BEGIN_WRITE).await?;
    // Another process may have done it while we waited for the lock.
    for migration in pending(&mut transaction, migrations).await? {
        for statement in *migration {
            let statement = AssertSqlSafe(dialect::render(statement));
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
    }
    let statement = format!("UPDATE {} SET version = $1", format_table(migrations)?);
    sqlx::query(AssertSqlSafe(statement))
        .bind(newest(migrations))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Checks that the file has the newest format of `migrations` and all tables, changing nothing.
pub(crate) async fn check(
    connection: &mut AnyConnection,
    migrations: &[Migration],
) -> Result<(), SqlError> {
    if !pending(connection, migrations).await?.is_empty() {
        return Err(SqlError::Outdated(newest(migrations)));
    }
    let found = tables(connection).await?;
    if made_by(migrations).all(|table| found.contains(table)) {
        Ok(())
    } else {
        Err(SqlError::Damaged("the list of its tables"))
    }
}

/// The table of the format's number: the first that the first migration makes.
pub(crate) fn format_table(migrations: &[Migration]) -> Result<&str, SqlError> {
    made_by(migrations)
        .next()
        .ok_or(SqlError::Damaged("the list of migrations"))
}

/// The tables that a file has after these migrations.
pub(crate) fn made_by(migrations: &[Migration]) -> impl Iterator<Item = &str> {
    let statements = migrations.iter().flat_map(|migration| migration.iter());
    statements.filter_map(|statement| {
        let rest = statement.strip_prefix("CREATE TABLE ")?;
        rest.split([' ', '(']).next()
    })
}

/// The migrations that the file still needs.
async fn pending<'m>(
    connection: &mut AnyConnection,
    migrations: &'m [Migration],
) -> Result<&'m [Migration], SqlError> {
    let supported = newest(migrations);
    let found = format_of(connection, format_table(migrations)?).await?;
    if found > supported {
        return Err(SqlError::Format { found, supported });
    }
    usize::try_from(found)
        .ok()
        .and_then(|done| migrations.get(done..))
        .ok_or(SqlError::Damaged("the number of its format"))
}

/// The file's format; 0 for an empty file.
async fn format_of(connection: &mut AnyConnection, table: &str) -> Result<i64, SqlError> {
    let tables = tables(connection).await?;
    if tables.is_empty() {
        return Ok(0);
    }
    if !tables.contains(table) {
        return Err(SqlError::Damaged("the list of its tables"));
    }
    let statement = format!("SELECT version FROM {table}");
    let row = sqlx::query(AssertSqlSafe(statement))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

async fn tables(connection: &mut AnyConnection) -> Result<BTreeSet<String>, SqlError> {
    let rows = sqlx::query(dialect::TABLES).fetch_all(connection).await?;
    let name = |row: &AnyRow| {
        // Read though nobody asks for it: a schema that is no text would break sqlx later, in its own thread.
        row.try_get::<String, _>(1)?;
        Ok(row.try_get(0)?)
    };
    rows.iter().map(name).collect()
}

fn newest(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
