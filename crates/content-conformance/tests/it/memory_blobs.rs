//! Blobs in memory keep what every blob store keeps.

use bytes::Bytes;
use forebay_content::memory::MemoryBlobs;
use forebay_content::{BlobError, BlobStore};
use forebay_oci::Digest;

forebay_content_conformance::blob_store_suite!(fresh);

#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn fresh() -> (MemoryBlobs, ()) {
    (MemoryBlobs::default(), ())
}

#[tokio::test]
async fn a_full_store_says_so_and_has_room_again_after_a_drop() {
    let store = MemoryBlobs::with_room(10);
    assert!(matches!(
        store.stage(Some(11)).await,
        Err(BlobError::NoSpace)
    ));
    let mut stage = store.stage(None).await.unwrap();
    stage.write(Bytes::from_static(b"12345678")).await.unwrap();
    let refused = stage.write(Bytes::from_static(b"abc")).await;
    assert!(matches!(refused, Err(BlobError::NoSpace)));
    drop(stage);
    let mut stage = store.stage(Some(10)).await.unwrap();
    stage.write(Bytes::from_static(b"12345678")).await.unwrap();
    let digest = Digest::sha256(b"12345678");
    stage.commit(&digest).await.unwrap();
    assert!(store.stage(Some(3)).await.is_err());
    store.delete(&digest).await.unwrap();
    assert!(store.stage(Some(10)).await.is_ok());
}
