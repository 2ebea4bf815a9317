//! A copy of all rows: those of one moment, sound, and nobody waits for it.

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    Added, CatalogError, HostedContent, HostedLists, HostedRepository, HostedUpkeep, KeptUser,
    Secret, Stamp, Timestamp, Users,
};
use tempfile::TempDir;

use super::words::{layers, name, open, push_image, run};
use crate::words::digest;

async fn all(rows: &SqlRegistry) -> Vec<HostedRepository> {
    rows.repositories(None, 1000).await.unwrap()
}

#[tokio::test]
async fn a_copy_is_what_there_was_at_its_moment_whatever_is_written_meanwhile() {
    let (ours, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let rows = open(ours.path()).await;
    for number in 0..10 {
        push_image(&rows, &name(number), number).await;
    }
    let user = KeptUser {
        name: "alice".parse().unwrap(),
        password: Secret::new("$argon2id$"),
        is_disabled: false,
        stamp: Stamp(7),
        created_at: Timestamp(1),
        changed_at: Timestamp(2),
    };
    assert_eq!(rows.add_user(&user).await.unwrap(), Added::Yes);
    let to = theirs.path().join(REGISTRY_FILE_NAME);
    let mut copy = rows.begin_copy(&to).await.unwrap();
    push_image(&rows, &name(10), 10).await;
    copy.hold().await.unwrap();
    let moment = (all(&rows).await, rows.hosted_usage().await.unwrap());
    for number in 11..20 {
        push_image(&rows, &name(number), number).await;
    }
    rows.remove_user(&user.name).await.unwrap();
    copy.finish().await.unwrap();
    let copied = open(theirs.path()).await;
    copied.integrity_check().await.unwrap();
    let found = (all(&copied).await, copied.hosted_usage().await.unwrap());
    assert_eq!(found, moment);
    assert_eq!(copied.find_user(&user.name).await.unwrap(), Some(user));
    let held = rows.held_after(None, 1000).await.unwrap();
    let held_then = copied.held_after(None, 1000).await.unwrap();
    assert!(held_then.len() < held.len() && held_then.iter().all(|stat| held.contains(stat)));
    assert_eq!(all(&rows).await.len(), 20);
    // What was copied is a file like ours: it is written to as well.
    push_image(&copied, &name(30), 30).await;
    copied.close().await.unwrap();
    rows.close().await.unwrap();
}

#[tokio::test]
async fn a_copy_of_damaged_rows_is_told_and_not_made() {
    for rot in [
        "UPDATE totals SET objects = objects + 1",
        "UPDATE manifests SET tags = 2",
    ] {
        let (ours, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let rows = open(ours.path()).await;
        push_image(&rows, &name(1), 1).await;
        rows.close().await.unwrap();
        run(&ours.path().join(REGISTRY_FILE_NAME), rot).await;
        let rows = open(ours.path()).await;
        let mut copy = rows
            .begin_copy(&theirs.path().join("copy.sqlite"))
            .await
            .unwrap();
        copy.hold().await.unwrap();
        let refused = copy.finish().await;
        assert!(
            matches!(refused, Err(CatalogError::Corrupt(_))),
            "{rot}: {refused:?}"
        );
        assert!(rows.find_repository(&name(1)).await.unwrap().is_some());
    }
}

/// An index that has lost rows, as rot in one of its pages would have it.
#[tokio::test]
async fn what_an_index_has_lost_is_found_by_reading() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(REGISTRY_FILE_NAME);
    open(dir.path()).await.close().await.unwrap();
    let indexes = "name IN ('blobs_by_digest', 'manifests_by_digest')";
    let forget = format!(
        "CREATE TABLE indexes AS SELECT * FROM sqlite_master WHERE {indexes};
         PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE {indexes}"
    );
    run(&path, &forget).await;
    let rows = open(dir.path()).await;
    push_image(&rows, &name(1), 1).await;
    rows.close().await.unwrap();
    let remember =
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_master SELECT * FROM indexes".to_owned();
    run(&path, &remember).await;
    let rows = open(dir.path()).await;
    let mut digests = vec![digest(1)];
    digests.extend(layers(1).into_iter().map(digest));
    assert_eq!(rows.held(&digests).await.unwrap(), []);
    assert_eq!(rows.held_on_reading(&digests).await.unwrap(), digests);
    rows.integrity_check().await.unwrap_err();
}
