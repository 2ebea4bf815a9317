//! What tells one kind of database file from another, and what an act is that writes to one.

use async_trait::async_trait;
use sqlx::AnyConnection;

use crate::error::SqlError;
use crate::schema::Migration;
use crate::session::Session;

/// What a kind of file holds.
#[async_trait]
pub(crate) trait Layout: Send + Sync + Sized + 'static {
    /// What a transaction has changed of the sums that are kept in the file.
    type Tally: Copy + Default + PartialEq + Send + Sync;

    /// From nothing to format 1, and so on. The first table is that of the format's number.
    const MIGRATIONS: &'static [Migration];

    /// What the task that writes is called.
    const WRITER: &'static str;

    /// Adds to the sums what a transaction has changed; the caller commits.
    async fn settle(connection: &mut AnyConnection, tally: Self::Tally) -> Result<(), SqlError>;

    /// Compares the sums with what is there, which reads everything.
    async fn check_sums(connection: &mut AnyConnection) -> Result<(), SqlError>;
}

/// An act that writes: with others in one transaction, and again alone if one of them fails.
#[async_trait]
pub(crate) trait Act: Send + Sync + 'static {
    /// In which kind of file.
    type Layout: Layout;

    /// What it tells who asked, once it is durable.
    type Told: Send + 'static;

    /// Does it, inside the session's transaction. One that refuses has changed nothing.
    async fn apply(&self, session: &mut Session<'_, Self::Layout>) -> Result<Self::Told, SqlError>;
}
