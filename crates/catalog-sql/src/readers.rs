//! The connections that read: a few, opened when needed, each lent to one query at a time.
//!
//! Not sqlx's pool, which spawns a task and asks the connection for a sign of life after every query: a read here costs one
//! hop to the connection's thread and back, and is on the path of every pull.

use std::sync::Mutex;
use std::time::Duration;

use forebay_content::lock;
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::dialect;
use crate::error::SqlError;

/// The most connections that read at once.
const MAX_READERS: usize = 4;

/// The most of these that lists have at once: some are left to look-ups, which pulls wait for, however many lists are asked for and
/// however long they are.
const MAX_LISTS: usize = MAX_READERS / 2;

/// The longest that a read may take, its wait for a connection included. A disk that hangs must not hold a pull for ever.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Lends connections that read.
pub(crate) struct Readers {
    options: AnyConnectOptions,
    idle: Mutex<Vec<AnyConnection>>,
    permits: Semaphore,
    lists: Semaphore,
}

/// A connection on loan. Dropped before `give_back`, as when its query failed or was given up, it is closed.
pub(crate) struct Reader<'r> {
    /// The connection.
    pub(crate) connection: AnyConnection,
    home: &'r Readers,
    _permit: SemaphorePermit<'r>,
}

impl Readers {
    /// Readers of the database at the address; nothing is opened yet.
    pub(crate) fn new(options: AnyConnectOptions) -> Self {
        Self {
            options,
            idle: Mutex::default(),
            permits: Semaphore::new(MAX_READERS),
            lists: Semaphore::new(MAX_LISTS),
        }
    }

    /// The query's first row.
    pub(crate) async fn find(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Option<AnyRow>, SqlError> {
        in_time(async {
            let mut reader = self.borrow().await?;
            let row = query.fetch_optional(&mut reader.connection).await?;
            reader.give_back();
            Ok(row)
        })
        .await
    }

    /// All of the rows of a query that has few: what it asks for has a name.
    pub(crate) async fn find_all(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, SqlError> {
        in_time(self.fetch_all(query)).await
    }

    /// All of the query's rows, in their turn among other lists: a page of what there is.
    pub(crate) async fn list(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, SqlError> {
        in_time(async {
            let _turn = self.lists.acquire().await.map_err(|_| SqlError::Closed)?;
            self.fetch_all(query).await
        })
        .await
    }

    async fn fetch_all(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, SqlError> {
        let mut reader = self.borrow().await?;
        let rows = query.fetch_all(&mut reader.connection).await?;
        reader.give_back();
        Ok(rows)
    }

    /// A connection, as soon as one is free.
    pub(crate) async fn borrow(&self) -> Result<Reader<'_>, SqlError> {
        let permit = self.permits.acquire().await.map_err(|_| SqlError::Closed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Reader {
            connection,
            home: self,
            _permit: permit,
        })
    }

    /// Closes the idle connections and lends none any more; those on loan close when they come back.
    pub(crate) async fn close(&self) {
        self.permits.close();
        self.lists.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // It has read only: there is nothing that a failure to close could lose.
            let _ = connection.close().await;
        }
    }

    /// True once `close` was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    async fn connect(&self) -> Result<AnyConnection, SqlError> {
        let mut connection = self.options.connect().await?;
        sqlx::raw_sql(dialect::READER)
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<AnyConnection>> {
        lock(&self.idle)
    }
}

impl Reader<'_> {
    /// Keeps the connection for the next query.
    pub(crate) fn give_back(self) {
        if !self.home.permits.is_closed() {
            self.home.idle().push(self.connection);
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
    match tokio::time::timeout(READ_LIMIT, work).await {
        Ok(done) => done,
        Err(_) => Err(SqlError::NotRead(READ_LIMIT)),
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;
    use crate::dialect::Access;

    #[tokio::test]
    async fn lists_that_wait_for_their_turn_keep_no_look_up_waiting() {
        sqlx::any::install_default_drivers();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.sqlite");
        let address = dialect::address(&path, Access::Write).unwrap();
        let readers = Readers::new(address.parse().unwrap());
        let turns = u32::try_from(MAX_LISTS).unwrap();
        let turns = readers.lists.acquire_many(turns).await.unwrap();
        let list = || Box::pin(readers.list(sqlx::query("SELECT 1 UNION SELECT 2")));
        let mut lists: Vec<_> = (0..2 * MAX_READERS).map(|_| list()).collect();
        for list in &mut lists {
            assert!(poll!(list).is_pending());
        }
        for _ in 0..2 * MAX_READERS {
            let found = readers.find(sqlx::query("SELECT 1")).await;
            assert!(found.unwrap().is_some());
            let found = readers.find_all(sqlx::query("SELECT 1")).await;
            assert_eq!(found.unwrap().len(), 1);
        }
        drop(turns);
        for list in lists {
            assert_eq!(list.await.unwrap().len(), 2);
        }
        readers.close().await;
        let closed = list().await;
        assert!(matches!(closed, Err(SqlError::Closed)));
    }
}
