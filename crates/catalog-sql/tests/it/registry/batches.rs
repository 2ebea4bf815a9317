//! Acts that share a transaction: what is refused or fails leaves its neighbours alone.

use forebay_content::{
    CatalogError, Committed, HostedBlob, HostedContent, HostedPushes, HostedUpkeep,
};
use futures::future::join_all;

use super::words::{AT, blob, name, open, push};

/// Every third one is beyond the quota, and no transaction is done again for it.
#[tokio::test]
async fn what_is_refused_shares_the_transaction_of_its_neighbours() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path()).await;
    let blobs = (0..300).map(|number: u64| HostedBlob {
        quota_bytes: number.is_multiple_of(3).then_some(1),
        ..blob(number)
    });
    let blobs: Vec<HostedBlob> = blobs.collect();
    let app = name(1);
    let lacking = push(5_000);
    let pushes = blobs
        .iter()
        .map(|blob| registry.commit_blob(&app, blob, AT));
    let refused = registry.commit_manifest(&app, &lacking);
    let (told, refused) = futures::join!(join_all(pushes), refused);
    let told: Vec<Committed> = told.into_iter().map(Result::unwrap).collect();
    let done = told.iter().filter(|told| **told == Committed::Done).count();
    assert_eq!(done, 200);
    assert!(matches!(refused.unwrap(), Committed::Missing(missing) if missing.len() == 2));
    let counts = registry.write_counts();
    assert_eq!((counts.acts, counts.failed), (301, 0));
    assert!(counts.transactions <= 5, "{counts:?}");
    assert_eq!(registry.hosted_usage().await.unwrap().objects, 200);
    registry.integrity_check().await.unwrap();
}

/// A size that cannot be recorded is no refusal but an error; the others are done in transactions of their own.
#[tokio::test]
async fn what_fails_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path()).await;
    let blobs = (0..20).map(|number| HostedBlob {
        size: if number == 7 { u64::MAX } else { 10 },
        ..blob(number)
    });
    let blobs: Vec<HostedBlob> = blobs.collect();
    let app = name(1);
    let pushes = blobs
        .iter()
        .map(|blob| registry.commit_blob(&app, blob, AT));
    let told = join_all(pushes).await;
    for (number, told) in told.into_iter().enumerate() {
        match told {
            Ok(told) => assert_eq!(told, Committed::Done),
            Err(error) => {
                assert!(matches!(error, CatalogError::Failed(_)), "{error:?}");
                assert_eq!(number, 7);
            }
        }
    }
    let found = registry.find_repository(&app).await.unwrap().unwrap();
    assert_eq!(found.bytes, 190);
    registry.integrity_check().await.unwrap();
}
