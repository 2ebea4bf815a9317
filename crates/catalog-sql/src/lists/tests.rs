use bytes::Bytes;
use forebay_content::Timestamp;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions};

use super::*;
use crate::dialect::{self, Access};
use crate::schema::{self, CATALOG};
use crate::writer;

const SMALL: Bounds = Bounds {
    lists: 3,
    bytes: 1_000,
    page_bytes: 500,
};

struct Lists {
    connection: AnyConnection,
    readers: Readers,
    target: Target,
    _directory: tempfile::TempDir,
}

impl Lists {
    async fn new() -> Self {
        sqlx::any::install_default_drivers();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.sqlite");
        let options = |access| {
            let address = dialect::address(&path, access).unwrap();
            let options: AnyConnectOptions = address.parse().unwrap();
            options.disable_statement_logging()
        };
        let mut connection = writer::connect(&options(Access::Write)).await.unwrap();
        schema::migrate(&mut connection, CATALOG).await.unwrap();
        Self {
            connection,
            readers: Readers::new(options(Access::Read)),
            target: Target {
                upstream: "docker.io".into(),
                repository: "library/nginx".parse().unwrap(),
            },
            _directory: directory,
        }
    }

    async fn keep(&mut self, number: u64, bytes: usize, checked_at: i64) {
        let list = KeptList {
            json: Bytes::from(vec![b'x'; bytes]),
            more: None,
            filtered: false,
            checked_at: Timestamp(checked_at),
        };
        let mut session = Session::new(&mut self.connection);
        keep(&mut session, &self.target, &key(number), &list, SMALL)
            .await
            .unwrap();
        session.finish().await.unwrap();
        totals::check(&mut self.connection).await.unwrap();
    }

    async fn kept(&self) -> Vec<u64> {
        let mut kept = Vec::new();
        for number in 0..10 {
            let found = find(&self.readers, &self.target, &key(number)).await;
            if found.unwrap().is_some() {
                kept.push(number);
            }
        }
        kept
    }
}

fn key(number: u64) -> ListKey {
    ListKey::Tags {
        n: Some(number),
        last: None,
    }
}

#[tokio::test]
async fn the_oldest_pages_go_when_there_are_too_many() {
    let mut lists = Lists::new().await;
    for (number, checked_at) in [(1, 3_000), (2, 1_000), (3, 2_000)] {
        lists.keep(number, 10, checked_at).await;
    }
    assert_eq!(lists.kept().await, [1, 2, 3]);
    lists.keep(4, 10, 4_000).await;
    assert_eq!(lists.kept().await, [1, 3, 4]);
    lists.keep(3, 10, 5_000).await;
    assert_eq!(lists.kept().await, [1, 3, 4]);
    lists.keep(5, 10, 6_000).await;
    assert_eq!(lists.kept().await, [3, 4, 5]);
}

#[tokio::test]
async fn the_oldest_pages_go_when_they_weigh_too_much() {
    let mut lists = Lists::new().await;
    lists.keep(1, 400, 1_000).await;
    lists.keep(2, 400, 2_000).await;
    lists.keep(3, 400, 3_000).await;
    assert_eq!(lists.kept().await, [2, 3]);
    lists.keep(2, 10, 4_000).await;
    lists.keep(4, 400, 5_000).await;
    assert_eq!(lists.kept().await, [2, 3, 4]);
}

#[tokio::test]
async fn a_page_that_is_too_large_is_not_kept_and_nor_is_the_one_before() {
    let mut lists = Lists::new().await;
    lists.keep(1, 400, 1_000).await;
    lists.keep(2, 400, 2_000).await;
    lists.keep(2, 600, 3_000).await;
    assert_eq!(lists.kept().await, [1]);
}
