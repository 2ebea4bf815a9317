//! How a blob at rest is read.

use bytes::Bytes;
use forebay_content::BlobStore;
use forebay_oci::{Algorithm, Digest};

use super::{CHUNK, MAX_READ, Numbers, content, keep, keep_in_pieces, read_from, read_whole};

/// What comes out is what went in.
pub async fn a_committed_blob_reads_back_as_it_was_written<S: BlobStore>(store: &S) {
    let written = content(1, 1000);
    let digest = keep(store, &written).await;
    let reader = store.open(&digest).await.unwrap();
    assert_eq!(reader.size(), 1000);
    assert_eq!(read_from(&*reader, 0).await, written);
}

/// Sizes around the places where a store cuts, and offsets all over.
pub async fn a_blob_of_any_size_reads_back_from_any_offset<S: BlobStore>(store: &S) {
    let mut numbers = Numbers(2);
    for size in [
        1,
        2,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        3 * CHUNK,
        5 * 1024 * 1024 + 7,
    ] {
        let written = content(size as u64, size);
        let digest = keep(store, &written).await;
        let reader = store.open(&digest).await.unwrap();
        assert_eq!(reader.size(), size as u64);
        assert_eq!(read_from(&*reader, 0).await, written, "{size} bytes");
        for _ in 0..50 {
            let offset = numbers.below(size);
            let read = reader.read(offset as u64).await.unwrap();
            let expected = &written[offset..offset + read.len()];
            assert!(!read.is_empty(), "{size} bytes from {offset}");
            assert_eq!(read, expected, "{size} bytes from {offset}");
        }
    }
}

/// Small writes, large writes, and any mixture.
pub async fn a_blob_reads_back_however_its_writes_were_cut<S: BlobStore>(store: &S) {
    for (seed, piece) in [(1, 1), (2, 7), (3, 1000), (4, CHUNK + 1), (5, 10 * CHUNK)] {
        let size = if piece == 1 { 300 } else { 4 * CHUNK + 99 };
        let written = content(seed, size);
        let digest = keep_in_pieces(store, &written, piece).await;
        assert_eq!(read_whole(store, &digest).await, written, "by {piece}");
    }
    for seed in 10..20 {
        let mut numbers = Numbers(seed);
        let written = content(seed, 6 * CHUNK + numbers.below(CHUNK));
        let mut stage = store.stage(None).await.unwrap();
        let mut rest = written.clone();
        while !rest.is_empty() {
            let count = numbers.below(3 * CHUNK).min(rest.len());
            stage.write(rest.split_to(count)).await.unwrap();
        }
        let digest = Digest::sha256(&written);
        stage.commit(&digest).await.unwrap();
        assert_eq!(read_whole(store, &digest).await, written, "seed {seed}");
    }
}

/// The digest names the blob, whichever algorithm made it.
pub async fn a_blob_may_have_a_sha512_digest<S: BlobStore>(store: &S) {
    let written = content(3, 100);
    let digest = Digest::of(Algorithm::Sha512, &written);
    let mut stage = store.stage(None).await.unwrap();
    stage.write(written.clone()).await.unwrap();
    stage.commit(&digest).await.unwrap();
    assert_eq!(read_whole(store, &digest).await, written);
    let other = Digest::sha256(&written);
    assert!(store.open(&other).await.is_err(), "that name was not given");
}

/// Nothing is something.
pub async fn an_empty_blob_is_a_blob<S: BlobStore>(store: &S) {
    let digest = keep(store, &Bytes::new()).await;
    let reader = store.open(&digest).await.unwrap();
    assert_eq!(reader.size(), 0);
    assert!(reader.read(0).await.unwrap().is_empty());
    let listed = store.list(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].size, 0);
}

/// The end is no error.
pub async fn a_read_past_the_end_gives_nothing<S: BlobStore>(store: &S) {
    for size in [10, CHUNK, CHUNK + 1] {
        let digest = keep(store, &content(4, size)).await;
        let reader = store.open(&digest).await.unwrap();
        for offset in [size as u64, size as u64 + 1, 1 << 40, u64::MAX] {
            assert!(reader.read(offset).await.unwrap().is_empty(), "{offset}");
        }
    }
}

/// A read makes progress, and its answer fits into memory many times over.
pub async fn a_read_gives_at_least_one_byte_and_never_too_many<S: BlobStore>(store: &S) {
    let size = 3 * MAX_READ;
    let digest = keep(store, &content(5, size)).await;
    let reader = store.open(&digest).await.unwrap();
    for offset in (0..size).step_by(CHUNK - 1).chain([size - 1]) {
        let count = reader.read(offset as u64).await.unwrap().len();
        assert!((1..=MAX_READ).contains(&count), "{count} from {offset}");
    }
}

/// An eviction never cuts a pull.
pub async fn an_opened_blob_outlives_its_deletion<S: BlobStore>(store: &S) {
    let written = content(6, 5 * CHUNK);
    let digest = keep(store, &written).await;
    let reader = store.open(&digest).await.unwrap();
    let first = reader.read(0).await.unwrap();
    store.delete(&digest).await.unwrap();
    assert!(store.open(&digest).await.is_err());
    let rest = read_from(&*reader, first.len()).await;
    assert_eq!([&first[..], &rest].concat(), written);
}

/// Readers do not disturb each other.
pub async fn an_opened_blob_can_be_read_by_many_at_once<S: BlobStore>(store: &S) {
    let written = content(7, 7 * CHUNK + 1);
    let digest = keep(store, &written).await;
    let one = store.open(&digest).await.unwrap();
    let other = store.open(&digest).await.unwrap();
    let reads = futures::future::join_all((0..40).map(|i| {
        let reader = if i % 2 == 0 { &one } else { &other };
        read_from(&**reader, i * 10_000)
    }));
    for (i, read) in reads.await.into_iter().enumerate() {
        assert_eq!(read, written[i * 10_000..]);
    }
}
