use std::path::Path;

use forebay_content::{Object, Timestamp};
use forebay_oci::Digest;
use futures::future::{join_all, ready};
use futures::poll;
use sqlx::Row;
use tokio::sync::Notify;

use super::*;
use crate::catalog::CatalogLayout;
use crate::dialect::Access;
use crate::schema::{self, CATALOG};
use crate::write::Write;

async fn start(directory: &Path) -> (Writer<CatalogLayout>, AnyConnectOptions) {
    sqlx::any::install_default_drivers();
    let address = dialect::address(&directory.join("catalog.sqlite"), Access::Write).unwrap();
    let options: AnyConnectOptions = address.parse().unwrap();
    let mut connection = connect(&options).await.unwrap();
    schema::migrate(&mut connection, CATALOG).await.unwrap();
    (Writer::start(options.clone(), connection), options)
}

fn keep(number: u64, size: u64) -> Write {
    let object = Object {
        digest: Digest::sha256(&number.to_be_bytes()),
        size,
        used_at: Timestamp(1_000),
    };
    Write::KeepObject(None, object)
}

async fn totals(options: &AnyConnectOptions) -> (i64, i64) {
    let mut connection = options.connect().await.unwrap();
    let row = sqlx::query(crate::totals::USAGE)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    (row.try_get(0).unwrap(), row.try_get(1).unwrap())
}

#[tokio::test]
async fn a_thousand_writes_at_once_take_few_transactions() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let keeps = (0..1_000).map(|number| writer.write(keep(number, 10)));
    for answer in join_all(keeps).await {
        answer.unwrap();
    }
    let counts = writer.counts();
    assert_eq!((counts.acts, counts.failed), (1_000, 0));
    assert!(counts.transactions <= 10, "{counts:?}");
    assert_eq!(totals(&options).await, (1_000, 10_000));
}

/// What a power loss would take is decided by the database: blobs and journals are tried change by change, its file is not.
#[tokio::test]
async fn a_connection_that_writes_flushes_the_log_at_each_commit() {
    const FULL: i64 = 2;
    let directory = tempfile::tempdir().unwrap();
    let (_, options) = start(directory.path()).await;
    let mut connection = connect(&options).await.unwrap();
    let mut ask = async |pragma| {
        let row = sqlx::query(pragma).fetch_one(&mut connection).await;
        row.unwrap()
    };
    let synchronous: i64 = ask("PRAGMA synchronous").await.get(0);
    let journal: String = ask("PRAGMA journal_mode").await.get(0);
    assert_eq!((synchronous, journal.as_str()), (FULL, "wal"));
}

#[tokio::test]
async fn a_write_that_fails_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let size = |number| if number == 7 { u64::MAX } else { 10 };
    let keeps = (0..20).map(|number| writer.write(keep(number, size(number))));
    let answers = join_all(keeps).await;
    let failed: Vec<usize> = (0..20).filter(|n| answers[*n].is_err()).collect();
    assert_eq!(failed, [7]);
    assert_eq!(totals(&options).await, (19, 190));
    assert_eq!(writer.counts().failed, 1);
}

/// A write that tells when it has begun, and ends when it may.
struct Held {
    write: Write,
    has_begun: Arc<Notify>,
    may_end: Arc<Notify>,
}

#[async_trait]
impl Act for Held {
    type Layout = CatalogLayout;
    type Told = <Write as Act>::Told;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Self::Told, SqlError> {
        self.has_begun.notify_one();
        self.may_end.notified().await;
        self.write.apply(session).await
    }
}

/// So that an error means that nothing was written.
#[tokio::test]
async fn a_write_whose_time_is_over_is_not_done_and_one_that_has_begun_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let (has_begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = Held {
        write: keep(1, 10),
        has_begun: Arc::clone(&has_begun),
        may_end: Arc::clone(&may_end),
    };
    let (time_is_over, over) = oneshot::channel::<()>();
    let over = async { over.await.unwrap() };
    let mut first = pin!(writer.write_unless(over, held));
    assert!(poll!(&mut first).is_pending());
    has_begun.notified().await;

    let behind = writer.write_unless(ready(()), keep(2, 20)).await;
    let busy = behind.unwrap_err();
    assert!(matches!(busy, CatalogError::Busy(_)), "{busy:?}");
    time_is_over.send(()).unwrap();
    assert!(poll!(&mut first).is_pending());
    may_end.notify_one();
    first.await.unwrap();

    writer.write(keep(3, 30)).await.unwrap();
    assert_eq!(totals(&options).await, (2, 40));
    let counts = writer.counts();
    assert_eq!((counts.acts, counts.failed), (2, 1));
}

#[tokio::test]
async fn closing_does_what_is_queued_and_takes_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let mut queued: Vec<_> = (0..100)
        .map(|number| Box::pin(writer.write(keep(number, 10))))
        .collect();
    for write in &mut queued {
        assert!(poll!(write).is_pending());
    }
    writer.close().await.unwrap();
    for answer in join_all(queued).await {
        answer.unwrap();
    }
    assert_eq!(totals(&options).await, (100, 1_000));
    writer.write(keep(200, 10)).await.unwrap_err();
}

#[tokio::test]
async fn dropping_the_queue_does_what_is_queued() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let tasks = writer.tasks.clone();
    let mut write = Box::pin(writer.write(keep(1, 10)));
    assert!(poll!(&mut write).is_pending());
    drop(write);
    drop(writer);
    assert!(tasks.drain(CLOSE_LIMIT).await);
    assert_eq!(totals(&options).await, (1, 10));
}

#[tokio::test]
async fn after_a_failure_of_its_connection_the_writer_goes_on_with_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, options) = start(directory.path()).await;
    let mut other = options.connect().await.unwrap();
    sqlx::query("ALTER TABLE objects RENAME TO hidden")
        .execute(&mut other)
        .await
        .unwrap();
    writer.write(keep(1, 10)).await.unwrap_err();
    sqlx::query("ALTER TABLE hidden RENAME TO objects")
        .execute(&mut other)
        .await
        .unwrap();
    writer.write(keep(2, 10)).await.unwrap();
    assert_eq!(totals(&options).await, (1, 10));
}
