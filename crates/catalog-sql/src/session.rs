//! A transaction that writes: its connection, and what it has changed of the totals.
//!
//! The acts are in the files of their nouns; here is what they share.

use forebay_oci::Target;
use sqlx::{AnyConnection, Row};

use crate::catalog::CatalogLayout;
use crate::error::SqlError;
use crate::layout::Layout;

/// An open transaction, of the catalog if nothing else is said.
pub(crate) struct Session<'c, L: Layout = CatalogLayout> {
    /// The connection, inside the transaction.
    pub(crate) connection: &'c mut AnyConnection,
    /// What it has changed so far.
    pub(crate) tally: L::Tally,
}

impl<'c, L: Layout> Session<'c, L> {
    /// A session that has done nothing yet.
    pub(crate) fn new(connection: &'c mut AnyConnection) -> Self {
        Self {
            connection,
            tally: L::Tally::default(),
        }
    }

    /// Writes the totals; the caller commits.
    pub(crate) async fn finish(self) -> Result<(), SqlError> {
        L::settle(self.connection, self.tally).await
    }
}

impl Session<'_> {
    /// The repository's number, given to it now if it has none.
    pub(crate) async fn repository(&mut self, target: &Target) -> Result<i64, SqlError> {
        if let Some(id) = self.find_repository(target).await? {
            return Ok(id);
        }
        // The empty update makes RETURNING tell the number also if another process was faster.
        let row = sqlx::query(
            "INSERT INTO repositories (upstream, name) VALUES ($1, $2)
             ON CONFLICT (upstream, name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(target.upstream.as_ref())
        .bind(target.repository.as_str())
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(row.try_get(0)?)
    }

    /// The repository's number, if it has one.
    pub(crate) async fn find_repository(
        &mut self,
        target: &Target,
    ) -> Result<Option<i64>, SqlError> {
        let row = sqlx::query("SELECT id FROM repositories WHERE upstream = $1 AND name = $2")
            .bind(target.upstream.as_ref())
            .bind(target.repository.as_str())
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}
