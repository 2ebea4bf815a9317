//! The one task that writes, and its queue.
//!
//! Group commit: what has queued up while the disk was busy with one transaction goes into the next one together, for on
//! a durable disk a transaction of one write takes as long as one of five hundred.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::CatalogError;
use forebay_jobs::Supervisor;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use crate::dialect;
use crate::error::SqlError;
use crate::session::Session;
use crate::write::{Outcome, Write};

/// The most writes that wait in the queue; who comes then waits for a place.
const MAX_QUEUED: usize = 1024;

/// The most writes in one transaction.
const MAX_BATCH: usize = 512;

/// The longest that a write may take, its time in the queue included.
const WRITE_LIMIT: Duration = Duration::from_mins(1);

/// The longest that closing waits for the writes that were queued.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// How much was written since the catalog was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Acts that were committed.
    pub acts: u64,
    /// Acts that failed.
    pub failed: u64,
    /// Transactions that were committed.
    pub transactions: u64,
}

/// The queue's end for those who write.
pub(crate) struct Writer {
    queue: mpsc::Sender<Ask>,
    tasks: Supervisor,
    counters: Arc<Counters>,
}

/// What is told to who asked.
type Answer = Result<Outcome, CatalogError>;

struct Ask {
    write: Write,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug, Default)]
struct Counters {
    acts: AtomicU64,
    failed: AtomicU64,
    transactions: AtomicU64,
}

/// The queue's other end.
struct Worker {
    options: AnyConnectOptions,
    /// None after a failure: what state the connection is in then is anybody's guess, a new one is in none.
    connection: Option<AnyConnection>,
    counters: Arc<Counters>,
}

// === impl Writer ===

impl Writer {
    /// Starts the task, which writes through `connection` and, when that fails, through new ones.
    ///
    /// Its supervisor is its own: others write until they end, so it must end after all of them, by `close`.
    pub(crate) fn start(options: AnyConnectOptions, connection: AnyConnection) -> Self {
        let (queue, asks) = mpsc::channel(MAX_QUEUED);
        let tasks = Supervisor::new();
        let counters = Arc::new(Counters::default());
        let worker = Worker {
            options,
            connection: Some(connection),
            counters: Arc::clone(&counters),
        };
        tasks.spawn("catalog writer", worker.run(asks, tasks.clone()));
        Self {
            queue,
            tasks,
            counters,
        }
    }

    /// Does it, and returns when it is durable. Given up, it may be done all the same.
    pub(crate) async fn write(&self, write: Write) -> Answer {
        let (answer, answered) = oneshot::channel();
        let ask = Ask { write, answer };
        let done = tokio::time::timeout(WRITE_LIMIT, async {
            self.queue.send(ask).await.map_err(|_| SqlError::Closed)?;
            answered.await.map_err(|_| SqlError::Closed)?
        });
        done.await
            .unwrap_or_else(|_| Err(SqlError::Slow(WRITE_LIMIT).into()))
    }

    /// Takes no more writes, does those that are queued, and closes the connection.
    pub(crate) async fn close(&self) -> Result<(), SqlError> {
        self.tasks.stop();
        if self.tasks.drain(CLOSE_LIMIT).await {
            Ok(())
        } else {
            Err(SqlError::Slow(CLOSE_LIMIT))
        }
    }

    /// What was written so far.
    pub(crate) fn counts(&self) -> WriteCounts {
        let Counters {
            acts,
            failed,
            transactions,
        } = &*self.counters;
        WriteCounts {
            acts: acts.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
            transactions: transactions.load(Ordering::Relaxed),
        }
    }
}

// === impl Worker ===

impl Worker {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>, tasks: Supervisor) {
        let mut batch = Vec::new();
        loop {
            let received = tokio::select! {
                received = asks.recv_many(&mut batch, MAX_BATCH) => received,
                () = tasks.stopping() => {
                    asks.close();
                    asks.recv_many(&mut batch, MAX_BATCH).await
                }
            };
            if received == 0 {
                break;
            }
            self.commit(&mut batch).await;
        }
        if let Some(connection) = self.connection.take() {
            // All answered writes are durable; closing only tidies the log away.
            let _ = connection.close().await;
        }
    }

    /// Commits the batch as one, or, if one of it fails, each alone, so that only that one is told so.
    async fn commit(&mut self, batch: &mut Vec<Ask>) {
        match self.transact(batch).await {
            Ok(results) => {
                for (ask, outcome) in batch.drain(..).zip(results) {
                    self.tell(ask, Ok(outcome));
                }
            }
            Err(error) if batch.len() == 1 || error.is_of_all() => {
                let error = CatalogError::from(error);
                for ask in batch.drain(..) {
                    self.tell(ask, Err(error.clone()));
                }
            }
            Err(_) => {
                for ask in batch.drain(..) {
                    let alone = self.transact(std::slice::from_ref(&ask)).await;
                    let answer = alone.map(|mut told| told.pop().unwrap_or(Outcome::Done));
                    self.tell(ask, answer.map_err(CatalogError::from));
                }
            }
        }
    }

    async fn transact(&mut self, asks: &[Ask]) -> Result<Vec<Outcome>, SqlError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options).await?,
        };
        match transact(&mut connection, asks).await {
            Ok(results) => {
                self.connection = Some(connection);
                self.counters.transactions.fetch_add(1, Ordering::Relaxed);
                Ok(results)
            }
            Err(error) => {
                // Rolls back. If that fails too, the error that we have says why.
                let _ = connection.close().await;
                Err(error)
            }
        }
    }

    fn tell(&self, ask: Ask, answer: Answer) {
        let counter = match &answer {
            Ok(_) => &self.counters.acts,
            Err(_) => &self.counters.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        // Who asked may have given up.
        let _ = ask.answer.send(answer);
    }
}

/// A connection that writes.
pub(crate) async fn connect(options: &AnyConnectOptions) -> Result<AnyConnection, SqlError> {
    let mut connection = options.connect().await?;
    sqlx::raw_sql(dialect::WRITER)
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

async fn transact(connection: &mut AnyConnection, asks: &[Ask]) -> Result<Vec<Outcome>, SqlError> {
    let mut transaction = connection.begin_with(dialect::BEGIN_WRITE).await?;
    let mut session = Session::new(&mut transaction);
    let mut results = Vec::with_capacity(asks.len());
    for ask in asks {
        results.push(ask.write.apply(&mut session).await?);
    }
    session.finish().await?;
    transaction.commit().await?;
    Ok(results)
}

#[cfg(test)]
mod tests;
