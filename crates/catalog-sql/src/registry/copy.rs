//! A copy of all rows as they are at one moment, into a file of its own, while everything goes on.
//!
//! The new file is the connection's own, ours is attached to it and only read: its read transaction is the moment. A whole
//! `VACUUM INTO` would be one too, but cannot be told when to begin.

use std::path::{Path, PathBuf};

use forebay_content::CatalogError;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection};

use super::{RegistryLayout, SqlRegistry};
use crate::database::{Database, address};
use crate::dialect::{self, Access};
use crate::error::SqlError;
use crate::layout::Layout;
use crate::schema;

/// What the file that is copied is called to the connection.
const SOURCE: &str = "source";

/// A copy that is about to be made.
pub struct RowsCopy {
    connection: AnyConnection,
    to: PathBuf,
}

impl SqlRegistry {
    /// Prepares a copy of all rows into a new file at `to`. Nothing is copied yet.
    ///
    /// # Errors
    /// There is a file already, or the disk takes none; or ours cannot be read.
    pub async fn begin_copy(&self, to: &Path) -> Result<RowsCopy, CatalogError> {
        // Our tables, by our own migrations: what is copied is rows.
        let new = Database::<RegistryLayout>::open(to).await?;
        let to = new.path().to_owned();
        new.close().await?;
        Ok(prepare(self.database.path(), to).await?)
    }
}

impl RowsCopy {
    /// From now on the rows that are copied are those of this moment. Waits for no write.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn hold(&mut self) -> Result<(), CatalogError> {
        let held = async {
            run(&mut self.connection, "BEGIN").await?;
            let table = schema::format_table(RegistryLayout::MIGRATIONS)?;
            // Only the first read begins to see.
            run(
                &mut self.connection,
                &format!("SELECT version FROM {SOURCE}.{table}"),
            )
            .await
        };
        held.await.map_err(CatalogError::from)
    }

    /// Copies, checks the whole copy, and closes it; to make it durable is the caller's.
    ///
    /// # Errors
    /// [`CatalogError::NotWritable`] if the disk takes no more, [`CatalogError::Corrupt`] if what was copied is damaged.
    pub async fn finish(mut self) -> Result<(), CatalogError> {
        let copied = copy(&mut self.connection).await;
        let closed = self.connection.close().await;
        copied?;
        closed.map_err(SqlError::from)?;
        let copy = SqlRegistry::open(&self.to).await?;
        let checked = copy.integrity_check().await;
        copy.close().await?;
        checked
    }
}

async fn prepare(from: &Path, to: PathBuf) -> Result<RowsCopy, SqlError> {
    let options: AnyConnectOptions = address(&to, Access::Write)?;
    let mut connection = options.connect().await?;
    run(&mut connection, dialect::COPIER).await?;
    sqlx::query(AssertSqlSafe(format!("ATTACH DATABASE $1 AS {SOURCE}")))
        .bind(dialect::attached(from).ok_or(SqlError::Damaged("the path of the database"))?)
        .execute(&mut connection)
        .await?;
    Ok(RowsCopy { connection, to })
}

async fn copy(connection: &mut AnyConnection) -> Result<(), SqlError> {
    for table in schema::made_by(RegistryLayout::MIGRATIONS) {
        run(connection, &format!("DELETE FROM main.{table}")).await?;
        let statement = format!("INSERT INTO main.{table} SELECT * FROM {SOURCE}.{table}");
        run(connection, &statement).await?;
    }
    run(connection, "COMMIT").await
}

async fn run(connection: &mut AnyConnection, statements: &str) -> Result<(), SqlError> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}
