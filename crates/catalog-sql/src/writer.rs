//! The one task that writes, and its queue.
//!
//! Group commit: what has queued up while the disk was busy with one transaction goes into the next one together, for on
//! a durable disk a transaction of one write takes as long as one of five hundred.
//!
//! An error means that nothing was written. Who does not wait for ever takes its act back out of the queue; one that has begun
//! is waited for, however long the disk takes, for nobody else can tell what becomes of it.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::{CatalogError, lock};
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

/// The longest that a write waits for its turn; what has not begun by then is not done.
const QUEUE_LIMIT: Duration = Duration::from_mins(1);

/// The longest that closing waits for the writes that were queued.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// How much was written since the catalog was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Acts that were committed.
    pub acts: u64,
    /// Acts that failed, or were withdrawn.
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
    /// Does it, inside the session's transaction, and keeps what it tells; or nothing, if it was withdrawn.
    async fn apply(&mut self, session: &mut Session<'_, L>) -> Result<(), SqlError>;

    /// Tells who asked: what it told, or why it was not done. True if it was done.
    fn answer(self: Box<Self>, done: Result<(), CatalogError>) -> bool;
}

/// An act that has not begun: who takes it out, to do it or to withdraw it, is the only one.
type Waiting<A> = Arc<Mutex<Option<A>>>;

struct Asked<A: Act> {
    waiting: Waiting<A>,
    begun: Option<A>,
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
        if self.begun.is_none() {
            self.begun = lock(&self.waiting).take();
        }
        if let Some(act) = &self.begun {
            self.told = Some(act.apply(session).await?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, done: Result<(), CatalogError>) -> bool {
        let Self {
            begun,
            told,
            answer,
            ..
        } = *self;
        // With it goes what is known to be out of date now that it has ended: before anybody is told so.
        drop(begun);
        let told = done.and_then(|()| told.ok_or_else(|| SqlError::Closed.into()));
        let is_done = told.is_ok();
        // Who asked may have given up.
        let _ = answer.send(told);
        is_done
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

    /// Does it, and returns when it is durable, or with an error if it was not done. Whoever drops this waits for nothing, and it
    /// may be done all the same.
    pub(crate) async fn write<A: Act<Layout = L>>(&self, act: A) -> Result<A::Told, CatalogError> {
        let over = tokio::time::sleep(QUEUE_LIMIT);
        self.write_unless(over, act).await
    }

    /// As `write`, unless the time to wait for a turn is over before.
    async fn write_unless<A: Act<Layout = L>>(
        &self,
        over: impl Future<Output = ()>,
        act: A,
    ) -> Result<A::Told, CatalogError> {
        let waiting = Arc::new(Mutex::new(Some(act)));
        let (answer, answered) = oneshot::channel();
        let ask = Box::new(Asked {
            waiting: Arc::clone(&waiting),
            begun: None,
            told: None,
            answer,
        });
        let mut done = pin!(async {
            self.queue.send(ask).await.map_err(|_| SqlError::Closed)?;
            answered.await.map_err(|_| SqlError::Closed)?
        });
        tokio::select! {
            biased;
            done = &mut done => return done,
            () = over => {}
        }
        let withdrawn = lock(&waiting).take();
        if withdrawn.is_some() {
            return Err(SqlError::NotBegun(QUEUE_LIMIT).into());
        }
        done.await
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
        let counter = if ask.answer(done) {
            &self.counters.acts
        } else {
            &self.counters.failed
        };
        counter.fetch_add(1, Ordering::Relaxed);
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
