//! What `forebay fsck` asks for beyond the roles: a check of the whole, a new start.

use std::path::{Path, PathBuf};

use forebay_content::{CatalogError, Timestamp};
use sqlx::Row;

use crate::database::Database;
use crate::dialect;
use crate::error::SqlError;
use crate::layout::Layout;

/// What a sound file answers to a check.
const SOUND: &str = "ok";

impl<L: Layout> Database<L> {
    /// Checks the whole file and the sums that are kept of it. Reads everything, so it takes as long as that.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] with the first faults found.
    pub(crate) async fn integrity_check(&self) -> Result<(), CatalogError> {
        let opened = self.opened();
        let mut reader = opened.readers.borrow().await?;
        let rows = sqlx::query(dialect::INTEGRITY)
            .fetch_all(&mut reader.connection)
            .await
            .map_err(SqlError::from)?;
        let mut faults = Vec::new();
        for row in &rows {
            faults.push(row.try_get::<String, _>(0).map_err(SqlError::from)?);
        }
        if faults != [SOUND] {
            return Err(SqlError::Fault(faults.join("; ")).into());
        }
        L::check_sums(&mut reader.connection).await?;
        reader.give_back();
        Ok(())
    }
}

/// Moves the files of the database at `path` aside: it is then `<path>.damaged-<milliseconds since the UNIX epoch>`.
pub(crate) async fn move_aside(path: &Path, at: Timestamp) -> Result<PathBuf, SqlError> {
    let aside = dialect::beside(path, &format!(".damaged-{}", at.0));
    // The database's own file last: interrupted before that, the next try moves what is left.
    for (from, to) in dialect::files_of(path)
        .into_iter()
        .zip(dialect::files_of(&aside))
    {
        move_file(from, to).await?;
    }
    Ok(aside)
}

async fn move_file(from: PathBuf, to: PathBuf) -> Result<(), SqlError> {
    let failed = |error| SqlError::File("moving the damaged file aside", error);
    if tokio::fs::try_exists(&to).await.map_err(failed)? {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    match tokio::fs::rename(from, to).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        moved => moved.map_err(failed),
    }
}
