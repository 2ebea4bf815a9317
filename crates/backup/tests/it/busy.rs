//! Backups while pushes, deletes and garbage collection go on: each is of one moment, and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forebay_registry::PushError;
use futures::future::join_all;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::kept::{Kept, content_of};
use crate::scene::{Image, name};

/// How many backups are made.
const BACKUPS: usize = 8;

/// How many clients push and delete meanwhile.
const CLIENTS: u32 = 3;

/// How many images are pushed between two backups at least, so that more stay than are dropped.
const PUSHED_BETWEEN: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_whatever_goes_on() {
    let folder = TempDir::new().unwrap();
    let kept = Arc::new(Kept::open(&folder.path().join("data")).await);
    let over = Arc::new(AtomicBool::new(false));
    let pushed = watch::Sender::new(0_usize);
    let acts = async {
        join_all((0..CLIENTS).map(|client| push_and_drop(&kept, &over, &pushed, client))).await;
    };
    let backups = async {
        let to = folder.path().join("backup");
        let mut sizes = Vec::new();
        let mut heard = pushed.subscribe();
        for number in 0..BACKUPS {
            let report = kept.back_up(&to).await.unwrap();
            assert!(report.is_whole(), "{number}: {report:?}");
            let content = content_of(&to).await;
            sizes.push(content.values().map(|found| found.1.len()).sum::<usize>());
            let wanted = *heard.borrow_and_update() + PUSHED_BETWEEN;
            heard.wait_for(|pushed| *pushed >= wanted).await.unwrap();
        }
        over.store(true, Ordering::Relaxed);
        sizes
    };
    let ((), sizes) = tokio::join!(acts, backups);
    assert!(sizes.last() > sizes.first(), "{sizes:?}");
    let to = folder.path().join("backup");
    kept.back_up(&to).await.unwrap();
    assert_eq!(content_of(&to).await, kept.content().await);
    let kept = Arc::into_inner(kept).unwrap();
    kept.close().await;
}

async fn push_and_drop(kept: &Kept, over: &AtomicBool, pushed: &watch::Sender<usize>, client: u32) {
    let (app, registry) = (name(&format!("client{client}")), &kept.scene.registry);
    let mut number = client * 10_000;
    while !over.load(Ordering::Relaxed) {
        let image = Image::numbered(number);
        let tag = format!("v{number}");
        kept.scene
            .push_image(&app, Some(&tag), &image)
            .await
            .unwrap();
        pushed.send_modify(|pushed| *pushed += 1);
        if number.is_multiple_of(3) {
            match registry.drop_manifest(&app, &image.digest()).await {
                Ok(()) | Err(PushError::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let collected = registry.collect_garbage(Duration::from_hours(1)).await;
            collected.unwrap();
        }
        number += 1;
    }
}
