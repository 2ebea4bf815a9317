//! The one task that writes, and its queue.
//!
//! Group commit: what has queued up while the disk was busy with one transaction goes into the next one together, for on
//! a durable disk a transaction of one write takes as long as one of five hundred.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::CatalogError;
use forebay_jobs::Supervisor;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use crate::dialect;
use crate::error::SqlError;
use crate::layout::{Act, Layout};
use crate::session::Session;

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
pub(crate) struct Writer<L: Layout> {
    queue: mpsc::Sender<Box<dyn Ask<L>>>,
    tasks: Supervisor,
    counters: Arc<Counters>,
}

/// An act in the queue, whatever it tells.
#[async_trait]
trait Ask<L: Layout>: Send {
    /// Does it, inside the session's transaction, and keeps what it tells.
    async fn apply(&mut self, session: &mut Session<'_, L>) -> Result<(), SqlError>;

    /// Tells who asked: what it told, or why it was not done.
    fn answer(self: Box<Self>, done: Result<(), CatalogError>);
}

struct Asked<A: Act> {
    act: A,
    told: Option<A::Told>,
    answer: oneshot::Sender<Result<A::Told, CatalogError>>,
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

// === impl Asked ===

#[async_trait]
impl<A: Act> Ask<A::Layout> for Asked<A> {
    async fn apply(&mut self, session: &mut Session<'_, A::Layout>) -> Result<(), SqlError> {
        self.told = Some(self.act.apply(session).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, done: Result<(), CatalogError>) {
        let Self { act, told, answer } = *self;
        // With it goes what is known to be out of date now that it has ended: before anybody is told so.
        drop(act);
        let told = done.and_then(|()| told.ok_or_else(|| SqlError::Closed.into()));
        // Who asked may have given up.
        let _ = answer.send(told);
    }
}

// === impl Writer ===

impl<L: Layout> Writer<L> {
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
        tasks.spawn(L::WRITER, worker.run::<L>(asks, tasks.clone()));
        Self {
            queue,
            tasks,
            counters,
        }
    }

    /// Does it, and returns when it is durable. Given up, it may be done all the same.
    pub(crate) async fn write<A: Act<Layout = L>>(&self, act: A) -> Result<A::Told, CatalogError> {
        let (answer, answered) = oneshot::channel();
        let ask = Box::new(Asked {
            act,
            told: None,
            answer,
        });
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
    async fn run<L: Layout>(
        mut self,
        mut asks: mpsc::Receiver<Box<dyn Ask<L>>>,
        tasks: Supervisor,
    ) {
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
    async fn commit<L: Layout>(&mut self, batch: &mut Vec<Box<dyn Ask<L>>>) {
        match self.transact(batch).await {
            Ok(()) => {
                for ask in batch.drain(..) {
                    self.tell(ask, Ok(()));
                }
            }
            Err(error) if batch.len() == 1 || error.is_of_all() => {
                let error = CatalogError::from(error);
                for ask in batch.drain(..) {
                    self.tell(ask, Err(error.clone()));
                }
            }
            Err(_) => {
                for mut ask in batch.drain(..) {
                    let alone = self.transact(std::slice::from_mut(&mut ask)).await;
                    self.tell(ask, alone.map_err(CatalogError::from));
                }
            }
        }
    }

    async fn transact<L: Layout>(&mut self, asks: &mut [Box<dyn Ask<L>>]) -> Result<(), SqlError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options).await?,
        };
        match transact(&mut connection, asks).await {
            Ok(()) => {
                self.connection = Some(connection);
                self.counters.transactions.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                // Rolls back. If that fails too, the error that we have says why.
                let _ = connection.close().await;
                Err(error)
            }
        }
    }

    fn tell<L: Layout>(&self, ask: Box<dyn Ask<L>>, done: Result<(), CatalogError>) {
        let counter = match &done {
            Ok(()) => &self.counters.acts,
            Err(_) => &self.counters.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        ask.answer(done);
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

async fn transact<L: Layout>(
    connection: &mut AnyConnection,
    asks: &mut [Box<dyn Ask<L>>],
) -> Result<(), SqlError> {
    let mut transaction = connection.begin_with(dialect::BEGIN_WRITE).await?;
    let mut session = Session::new(&mut transaction);
    for ask in asks {
        ask.apply(&mut session).await?;
    }
    session.finish().await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests;
