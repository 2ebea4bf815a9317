//! A damaged file: a plain error, or the truth, or nothing; never a wrong answer, and never a panic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{
    CatalogError, KeptList, KeptManifest, KeptTag, LimitRows, Links, ListKey, Lists, Manifests,
    Objects, Period, PullCounts, PullOrder, PullRow, PullRows, Spender, Spent, Tags, TimeRange,
    Timestamp, TopPage,
};
use forebay_oci::{MediaType, Tag};
use futures::stream::{self, StreamExt};
use tempfile::TempDir;

use crate::words::{digest, manifest, object, target};

const AT: Timestamp = Timestamp(1_795_000_000_000);

/// How many of each kind the damaged catalog held.
const KEPT: u64 = 40;

/// Every so many bytes of the file, one is flipped: a prime, so that every part of a row is met.
const STRIDE: usize = 251;

fn tag() -> Tag {
    "latest".parse().unwrap()
}

fn kept_tag(number: u64) -> KeptTag {
    KeptTag {
        digest: digest(number),
        media_type: MediaType::OCI_MANIFEST,
        size: Some(number),
        checked_at: AT,
    }
}

fn list_key(number: u64) -> ListKey {
    ListKey::Tags {
        n: Some(number),
        last: None,
    }
}

fn kept_list(number: u64) -> KeptList {
    KeptList {
        json: Bytes::from(format!("{{\"tags\":[\"{number}\"]}}")),
        more: None,
        filtered: false,
        checked_at: AT,
    }
}

fn pulls() -> Vec<PullRow> {
    let of = |number: u64| PullRow {
        period: Period::Hour,
        start: Period::Hour.start_of(AT),
        spent: Spent {
            spender: Spender::Client {
                client: Arc::default(),
                image: target(number),
            },
            counts: PullCounts::default(),
            first_at: AT,
            last_at: AT,
            reference: None,
        },
    };
    (0..KEPT).map(of).collect()
}

/// A closed catalog with some of everything; the content is known by its numbers.
async fn sound(directory: &Path) -> PathBuf {
    let path = directory.join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    for number in 0..KEPT {
        let ours = target(number);
        let kept = manifest(number);
        catalog.keep_manifest(Some(&ours), &kept, AT).await.unwrap();
        let tag = tag();
        catalog
            .keep_tag(&ours, &tag, &kept_tag(number))
            .await
            .unwrap();
        let key = list_key(number);
        catalog
            .keep_list(&ours, &key, &kept_list(number))
            .await
            .unwrap();
        catalog
            .keep_object(Some(&ours), &object(number + 1_000))
            .await
            .unwrap();
    }
    catalog.add_pulls(&pulls()).await.unwrap();
    catalog.close().await.unwrap();
    path
}

/// Counts what a damaged catalog answered.
#[derive(Debug, Default)]
struct Answers {
    right: u64,
    nothing: u64,
    errors: u64,
}

impl Answers {
    fn total(&self) -> u64 {
        self.right + self.nothing + self.errors
    }

    fn note<T: PartialEq + std::fmt::Debug>(
        &mut self,
        found: Result<Option<T>, CatalogError>,
        truth: &T,
        damage: &str,
    ) {
        match found {
            Ok(Some(found)) => {
                assert_eq!(found, *truth, "{damage}");
                self.right += 1;
            }
            Ok(None) => self.nothing += 1,
            Err(_) => self.errors += 1,
        }
    }
}

/// Asks for everything; whatever is told is true.
async fn ask(catalog: &SqlCatalog, damage: &str) -> Answers {
    let mut answers = Answers::default();
    for number in 0..KEPT {
        let ours = target(number);
        let found: Result<Option<KeptManifest>, _> = catalog.find_manifest(&digest(number)).await;
        answers.note(found, &manifest(number), damage);
        let found = catalog.find_tag(&ours, &tag()).await;
        answers.note(found, &kept_tag(number), damage);
        let found = catalog.find_list(&ours, &list_key(number)).await;
        answers.note(found, &kept_list(number), damage);
        let linked = catalog.is_linked(&ours, &digest(number)).await;
        answers.note(linked.map(|linked| linked.then_some(())), &(), damage);
        let stranger = target((number + 1) % KEPT);
        let leaked = catalog.is_linked(&stranger, &digest(number)).await;
        assert!(!leaked.unwrap_or(false), "{damage} shows another's content");
    }
    // Wrong at most in accounting, so these need only not panic.
    let _ = catalog.pulls(TimeRange::ALL, None, 100).await;
    let page = TopPage {
        skip: 0,
        limit: 100,
    };
    let _ = catalog
        .top_pulls(TimeRange::ALL, PullOrder::Bytes, page)
        .await;
    let _ = catalog.limits().await;
    let _ = catalog.usage().await;
    let _ = catalog.coldest(100).await;
    let _ = catalog.objects_after(None, 100).await;
    answers
}

#[tokio::test]
async fn a_flipped_byte_anywhere_gives_no_wrong_answer_and_no_panic() {
    let original = TempDir::new().unwrap();
    let path = sound(original.path()).await;
    let whole = std::fs::read(&path).unwrap();
    let flips: Vec<_> = (0..whole.len())
        .step_by(STRIDE)
        .zip([0xff, 0x01, 0x80].into_iter().cycle())
        .map(|(position, flip)| ask_flipped(&whole, position, flip))
        .collect();
    let answered: Vec<_> = stream::iter(flips).buffer_unordered(8).collect().await;
    let refused = answered.iter().filter(|answers| answers.is_none()).count();
    let served = || answered.iter().flatten();
    assert!(refused > 0, "no damage kept it from opening");
    assert!(served().any(|answers| answers.errors == 0));
    assert!(served().any(|answers| answers.errors > 0));
    assert!(served().all(|answers| answers.total() == 4 * KEPT));
}

/// Opens the catalog with one byte flipped and asks it for everything; `None` if it does not open.
async fn ask_flipped(whole: &[u8], position: usize, flip: u8) -> Option<Answers> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(FILE_NAME);
    let mut bytes = whole.to_vec();
    bytes[position] ^= flip;
    std::fs::write(&path, bytes).unwrap();
    let catalog = SqlCatalog::open(&path).await.ok()?;
    let answers = ask(&catalog, &format!("byte {position} xor {flip:#x}")).await;
    // To write must not panic either, nor hang.
    let _ = catalog.keep_object(Some(&target(1)), &object(5_000)).await;
    let _ = catalog.evict(&[digest(3)]).await;
    let _ = catalog.integrity_check().await;
    let _ = catalog.close().await;
    Some(answers)
}

#[tokio::test]
async fn a_truncated_file_gives_no_wrong_answer_and_no_panic() {
    let original = TempDir::new().unwrap();
    let path = sound(original.path()).await;
    let whole = std::fs::read(&path).unwrap();
    for parts in 1..20 {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(FILE_NAME);
        let length = whole.len() * parts / 20;
        std::fs::write(&path, &whole[..length]).unwrap();
        if let Ok(catalog) = SqlCatalog::open(&path).await {
            ask(&catalog, &format!("{length} bytes left")).await;
            let sound = catalog.integrity_check().await;
            assert!(sound.is_err(), "{length} bytes pass for the whole");
        }
    }
}

/// As a crash leaves it: the log cut off anywhere loses the last transactions and nothing else.
#[tokio::test]
async fn a_truncated_log_loses_its_end_and_nothing_else() {
    let original = TempDir::new().unwrap();
    let path = original.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    for number in 0..KEPT {
        catalog
            .keep_object(Some(&target(1)), &object(number))
            .await
            .unwrap();
    }
    let file = std::fs::read(&path).unwrap();
    let log = std::fs::read(original.path().join("catalog.sqlite-wal")).unwrap();
    catalog.close().await.unwrap();
    let mut least = u64::MAX;
    for parts in (0..=20).rev() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(FILE_NAME);
        std::fs::write(&path, &file).unwrap();
        let length = log.len() * parts / 20;
        std::fs::write(directory.path().join("catalog.sqlite-wal"), &log[..length]).unwrap();
        let catalog = SqlCatalog::open(&path).await.unwrap();
        catalog.integrity_check().await.unwrap();
        let kept = catalog.usage().await.unwrap().objects;
        if parts == 20 {
            assert_eq!(kept, KEPT);
        }
        assert!(kept <= least, "a shorter log holds more");
        least = kept;
        for number in 0..KEPT {
            let linked = catalog
                .is_linked(&target(1), &digest(number))
                .await
                .unwrap();
            assert_eq!(linked, number < kept, "{number} of {kept}");
        }
    }
    assert_eq!(least, 0);
}

#[tokio::test]
async fn what_is_no_catalog_is_refused_in_plain_words() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(FILE_NAME);
    std::fs::write(&path, b"[cache]\nmax_size = \"50GiB\"\n".repeat(100)).unwrap();
    let error = SqlCatalog::open(&path).await.unwrap_err();
    assert!(matches!(error, CatalogError::Corrupt(_)), "{error:?}");
    assert_eq!(error.to_string(), "the database is damaged");
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    assert!(
        causes.iter().any(|cause| cause.contains("not a database")),
        "{causes:?}"
    );
}

#[tokio::test]
async fn an_empty_file_is_an_empty_catalog() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(FILE_NAME);
    std::fs::write(&path, b"").unwrap();
    let catalog = SqlCatalog::open(&path).await.unwrap();
    assert_eq!(catalog.usage().await.unwrap().objects, 0);
}
