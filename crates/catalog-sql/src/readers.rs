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

/// The longest that a read may take, its wait for a connection included. A disk that hangs must not hold a pull for ever.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Lends connections that read.
pub(crate) struct Readers {
    options: AnyConnectOptions,
    idle: Mutex<Vec<AnyConnection>>,
    permits: Semaphore,
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

    /// All of the query's rows.
    pub(crate) async fn list(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, SqlError> {
        in_time(async {
            let mut reader = self.borrow().await?;
            let rows = query.fetch_all(&mut reader.connection).await?;
            reader.give_back();
            Ok(rows)
        })
        .await
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
        Err(_) => Err(SqlError::Slow(READ_LIMIT)),
    }
}
