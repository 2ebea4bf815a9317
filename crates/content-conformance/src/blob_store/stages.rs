//! How a blob comes to be.

use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{BlobError, BlobStore};
use forebay_oci::Digest;

use super::{CHUNK, Numbers, content, keep, read_from, read_whole};

/// What is not whole cannot be opened.
pub async fn a_blob_is_invisible_until_committed<S: BlobStore>(store: &S) {
    let written = content(1, 2 * CHUNK + 1);
    let digest = Digest::sha256(&written);
    let mut stage = store.stage(None).await.unwrap();
    stage.write(written.clone()).await.unwrap();
    assert!(matches!(
        store.open(&digest).await,
        Err(BlobError::NotFound)
    ));
    assert!(store.list(None, 10).await.unwrap().is_empty());
    stage.commit(&digest).await.unwrap();
    assert_eq!(read_whole(store, &digest).await, written);
}

/// Whoever follows a stage can ask how far it is.
pub async fn a_stage_tells_how_much_was_written<S: BlobStore>(store: &S) {
    let mut stage = store.stage(None).await.unwrap();
    let reader = stage.reader();
    let mut size = 0;
    for count in [0, 1, CHUNK - 1, CHUNK, 1, 3 * CHUNK, 5] {
        stage.write(content(1, count)).await.unwrap();
        size += count as u64;
        assert_eq!(reader.size(), size);
        assert_eq!(stage.reader().size(), size);
    }
}

/// After each write every byte so far can be read, the last one too, and none beyond.
pub async fn a_stage_is_read_from_any_offset_while_it_is_written<S: BlobStore>(store: &S) {
    let mut numbers = Numbers(2);
    let written = content(2, 9 * CHUNK);
    let mut stage = store.stage(Some(written.len() as u64)).await.unwrap();
    let reader = stage.reader();
    let (mut rest, mut size) = (written.clone(), 0);
    while !rest.is_empty() {
        let count = (1 + numbers.below(CHUNK)).min(rest.len());
        stage.write(rest.split_to(count)).await.unwrap();
        size += count;
        for offset in [0, size - 1, size - count, numbers.below(size)] {
            assert_eq!(read_from(&*reader, offset).await, written[offset..size]);
        }
        assert!(reader.read(size as u64).await.unwrap().is_empty());
    }
}

/// Followers on other threads see nothing but the bytes that were written.
pub async fn a_stage_is_read_by_others_while_it_is_written<S: BlobStore>(store: &S) {
    let written = content(3, 20 * CHUNK + 11);
    let mut stage = store.stage(None).await.unwrap();
    let followers: Vec<_> = (0..4)
        .map(|i| {
            let (reader, written) = (stage.reader(), written.clone());
            let follow = async move {
                let mut offset = i * 1000;
                while offset < written.len() {
                    let bytes = reader.read(offset as u64).await.unwrap();
                    assert_eq!(bytes, written[offset..offset + bytes.len()]);
                    offset += bytes.len();
                    tokio::task::yield_now().await;
                }
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "a suite has no supervisor, and its tasks are awaited below"
            )]
            tokio::spawn(follow)
        })
        .collect();
    for part in written.chunks(10_007) {
        stage.write(Bytes::copy_from_slice(part)).await.unwrap();
    }
    let digest = Digest::sha256(&written);
    stage.commit(&digest).await.unwrap();
    for follower in followers {
        follower.await.unwrap();
    }
}

/// Who follows a fill reads on when it is done.
pub async fn a_stage_stays_readable_after_its_commit<S: BlobStore>(store: &S) {
    let written = content(4, 3 * CHUNK + 5);
    let mut stage = store.stage(None).await.unwrap();
    let reader = stage.reader();
    stage.write(written.clone()).await.unwrap();
    let digest = Digest::sha256(&written);
    stage.commit(&digest).await.unwrap();
    assert_eq!(read_from(&*reader, 0).await, written);
    store.delete(&digest).await.unwrap();
    assert_eq!(read_from(&*reader, 1).await, written[1..]);
    assert_eq!(reader.size(), written.len() as u64);
}

/// Who follows a fill that failed may still send what came.
pub async fn a_stage_stays_readable_after_it_was_dropped<S: BlobStore>(store: &S) {
    let written = content(5, 3 * CHUNK + 5);
    let mut stage = store.stage(None).await.unwrap();
    let reader = stage.reader();
    stage.write(written.clone()).await.unwrap();
    drop(stage);
    assert_eq!(read_from(&*reader, 0).await, written);
}

/// An aborted fill never happened.
pub async fn a_dropped_stage_leaves_nothing_visible<S: BlobStore>(store: &S) {
    let written = content(6, CHUNK + 1);
    let mut stage = store.stage(None).await.unwrap();
    stage.write(written.clone()).await.unwrap();
    drop(stage);
    let digest = Digest::sha256(&written);
    assert!(matches!(
        store.open(&digest).await,
        Err(BlobError::NotFound)
    ));
    assert!(store.list(None, 10).await.unwrap().is_empty());
    assert_eq!(keep(store, &written).await, digest);
    assert_eq!(read_whole(store, &digest).await, written);
}

/// The same bytes twice are the same blob.
pub async fn a_blob_committed_again_is_no_error<S: BlobStore>(store: &S) {
    let written = content(7, CHUNK + 1);
    let digest = keep(store, &written).await;
    let reader = store.open(&digest).await.unwrap();
    assert_eq!(keep(store, &written).await, digest);
    assert_eq!(read_from(&*reader, 0).await, written);
    assert_eq!(read_whole(store, &digest).await, written);
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

/// What was there may be damaged, and a fill has come to mend it.
pub async fn a_commit_takes_the_place_of_what_was_there<S: BlobStore>(store: &S) {
    let (damaged, written) = (content(9, CHUNK), content(10, 2 * CHUNK + 1));
    let digest = Digest::sha256(&written);
    for bytes in [&damaged, &written] {
        let reader = store.open(&digest).await.ok();
        let mut stage = store.stage(None).await.unwrap();
        stage.write(bytes.clone()).await.unwrap();
        stage.commit(&digest).await.unwrap();
        if let Some(reader) = reader {
            assert!(read_from(&*reader, 0).await == damaged, "it changed");
        }
    }
    assert!(read_whole(store, &digest).await == written, "it stayed");
    let listed = store.list(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].size, written.len() as u64);
}

/// Two who stage the same do not fight.
pub async fn stages_of_the_same_blob_at_once_all_commit<S: BlobStore>(store: &S) {
    let written = content(8, 2 * CHUNK + 1);
    let kept = futures::future::join_all((0..8).map(|_| keep(store, &written)));
    for digest in kept.await {
        assert_eq!(read_whole(store, &digest).await, written);
    }
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

/// Each stage is its own.
pub async fn stages_of_different_blobs_do_not_mix<S: BlobStore>(store: &S) {
    let contents: Vec<_> = (0..8).map(|i| content(100 + i, 3 * CHUNK)).collect();
    let kept = futures::future::join_all(contents.iter().map(|content| keep(store, content)));
    for (digest, written) in kept.await.iter().zip(&contents) {
        assert_eq!(read_whole(store, digest).await, *written);
    }
    assert_eq!(store.list(None, 10).await.unwrap().len(), 8);
}

/// An upstream need not say how long its blob is.
pub async fn a_blob_can_be_staged_without_knowing_its_size<S: BlobStore>(store: &S) {
    let stage = store.stage(None).await.unwrap();
    assert_eq!(stage.reader().size(), 0);
    assert!(stage.reader().read(0).await.unwrap().is_empty());
    stage.commit(&Digest::sha256(b"")).await.unwrap();
}

/// What was expected is a question about room, not a promise.
pub async fn a_stage_may_grow_beyond_what_was_expected<S: BlobStore>(store: &S) {
    let written = content(9, CHUNK);
    for expected_bytes in [0, 1, 10 * CHUNK as u64] {
        let mut stage = store.stage(Some(expected_bytes)).await.unwrap();
        stage.write(written.clone()).await.unwrap();
        let digest = Digest::sha256(&written);
        stage.commit(&digest).await.unwrap();
        let reader: Arc<_> = store.open(&digest).await.unwrap();
        assert_eq!(reader.size(), CHUNK as u64);
    }
}

/// What fits on no disk is not begun. (A store in memory may have room for anything.)
pub async fn an_impossible_size_is_refused_at_once<S: BlobStore>(store: &S) {
    match store.stage(Some(u64::MAX)).await {
        Err(error) => assert!(matches!(error, BlobError::NoSpace), "{error}"),
        Ok(stage) => assert_eq!(stage.reader().size(), 0),
    }
}
