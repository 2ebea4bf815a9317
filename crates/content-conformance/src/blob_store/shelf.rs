//! What is kept, and what is gone.

use forebay_content::{BlobError, BlobStat, BlobStore};
use forebay_oci::Digest;

use super::{CHUNK, content, keep, read_whole};

/// Absence has its own name.
pub async fn what_is_not_there_is_not_found<S: BlobStore>(store: &S) {
    keep(store, &content(1, 10)).await;
    let absent = store.open(&Digest::sha256(b"absent")).await;
    assert!(matches!(absent, Err(BlobError::NotFound)));
}

/// A deletion hits what it names.
pub async fn a_deleted_blob_is_gone_and_others_stay<S: BlobStore>(store: &S) {
    let (goes, stays) = (content(1, CHUNK), content(2, CHUNK));
    let (gone, stayed) = (keep(store, &goes).await, keep(store, &stays).await);
    store.delete(&gone).await.unwrap();
    assert!(matches!(store.open(&gone).await, Err(BlobError::NotFound)));
    assert_eq!(read_whole(store, &stayed).await, stays);
    let size = CHUNK as u64;
    let listed = store.list(None, 10).await.unwrap();
    assert_eq!(
        listed,
        [BlobStat {
            digest: stayed,
            size
        }]
    );
}

/// Twice is as good as once.
pub async fn deleting_what_is_not_there_is_no_error<S: BlobStore>(store: &S) {
    let digest = keep(store, &content(1, 10)).await;
    store.delete(&digest).await.unwrap();
    store.delete(&digest).await.unwrap();
    store.delete(&Digest::sha256(b"absent")).await.unwrap();
}

/// A deletion leaves no trace, not even in readers that go on.
pub async fn a_deleted_blob_can_be_committed_again<S: BlobStore>(store: &S) {
    let written = content(1, CHUNK + 1);
    let digest = keep(store, &written).await;
    let before = store.open(&digest).await.unwrap();
    store.delete(&digest).await.unwrap();
    keep(store, &written).await;
    assert_eq!(read_whole(store, &digest).await, written);
    assert_eq!(before.read(0).await.unwrap(), written[..CHUNK]);
}

/// Nothing kept, nothing told.
pub async fn an_empty_store_lists_nothing<S: BlobStore>(store: &S) {
    assert!(store.list(None, 10).await.unwrap().is_empty());
    let after = Digest::sha256(b"x");
    assert!(store.list(Some(&after), 10).await.unwrap().is_empty());
}

/// Every blob, once, with the size of its content.
pub async fn blobs_are_listed_once_with_their_sizes<S: BlobStore>(store: &S) {
    let mut kept = Vec::new();
    for size in [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK] {
        let digest = keep(store, &content(9, size)).await;
        let size = size as u64;
        kept.push(BlobStat { digest, size });
    }
    let mut listed = store.list(None, 100).await.unwrap();
    listed.sort_by(|a, b| a.digest.cmp(&b.digest));
    kept.sort_by(|a, b| a.digest.cmp(&b.digest));
    assert_eq!(listed, kept);
}

/// Pages of any length make the same list, and none tells a blob twice.
pub async fn blobs_are_listed_page_by_page_in_one_order<S: BlobStore>(store: &S) {
    for seed in 0..40 {
        keep(store, &content(seed, 100)).await;
    }
    let whole = store.list(None, 100).await.unwrap();
    assert_eq!(whole.len(), 40);
    assert!(store.list(None, 0).await.unwrap().is_empty());
    for limit in [1, 7, 40] {
        let mut listed: Vec<BlobStat> = Vec::new();
        loop {
            let after = listed.last().map(|stat| stat.digest.clone());
            let page = store.list(after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, whole, "by {limit}");
    }
}

/// A list goes on although the blob where it stopped was deleted.
pub async fn a_page_may_begin_after_a_blob_that_is_not_there<S: BlobStore>(store: &S) {
    for seed in 0..10 {
        keep(store, &content(seed, 10)).await;
    }
    let whole = store.list(None, 100).await.unwrap();
    store.delete(&whole[4].digest).await.unwrap();
    let rest = store.list(Some(&whole[4].digest), 100).await.unwrap();
    assert_eq!(rest, whole[5..]);
}
