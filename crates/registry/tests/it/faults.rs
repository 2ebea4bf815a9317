//! The disk fails at any change of a push: the client is told why, nothing is half there, and the next try succeeds.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{BlobError, HostedContent as _, SystemClock};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use forebay_registry::PushError;
use tempfile::TempDir;

use crate::promises::{Act, Promises, Told};
use crate::scene::{Image, Scene, name, staged_at_most};
use crate::sound::{comes_back, keeps, nothing_is_unheld};

/// More changes than a push makes.
const MAX_CHANGES: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_any_change_of_a_push_is_told_as_that_and_leaves_nothing_half_there() {
    fails_at_each(Effect::Full, |error| {
        matches!(
            error,
            PushError::NoSpace | PushError::Unjournaled(BlobError::NoSpace)
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_disk_at_any_change_of_a_push_is_told_as_that_and_leaves_nothing_half_there() {
    fails_at_each(Effect::Broken, |error| {
        matches!(
            error,
            PushError::Disk(BlobError::Io(_)) | PushError::Unjournaled(BlobError::Io(_))
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_at_any_change_of_a_push_is_told_as_that_and_leaves_nothing_half_there() {
    fails_at_each(Effect::ReadOnly, |error| {
        matches!(
            error,
            PushError::NotWritable | PushError::Unjournaled(BlobError::ReadOnly)
        )
    })
    .await;
}

/// Pushes one image after the other to the same tag, each with the fault one change later, until it strikes no more.
async fn fails_at_each(effect: Effect, is_told: fn(&PushError) -> bool) {
    let dir = TempDir::new().unwrap();
    let disk = FaultyDisk::default();
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(dir.path(), Arc::new(disk.clone()), clock).await;
    let (repository, tag) = (name("app"), "1".parse().unwrap());
    let (mut promises, mut litter) = (Promises::default(), 0);
    let tell = |is_done, image: &Image| Told {
        is_done,
        repository: "app".to_owned(),
        act: Act::Push(image.digest(), Some("1".to_owned())),
    };
    for at in 1..MAX_CHANGES {
        let image = Image::numbered(u32::try_from(at).unwrap());
        promises.note(&tell(false, &image));
        // Once, and as a disk that stays broken until somebody looks after it.
        let stays = at % 2 == 0;
        let strikes_at = disk.count(Target::Changes) + at;
        disk.set(Some(Fault {
            target: Target::Changes,
            at: strikes_at,
            stays,
            effect,
        }));
        let pushed = scene.push_image(&repository, Some("1"), &image).await;
        let is_struck = disk.count(Target::Changes) >= strikes_at;
        disk.set(None);
        let what = format!("{effect:?} at {at}");
        if let Err(error) = &pushed {
            assert!(is_told(error), "{what}: {error:?}");
            // What a disk that stays broken lets nobody remove is removed at the next start.
            litter += usize::from(stays);
            staged_at_most(dir.path(), litter).await;
            keeps(&scene, &promises, &what).await;
            let tagged = scene.rows.find_hosted_tag(&repository, &tag).await.unwrap();
            assert!(tagged.is_some() || at < 40, "{what}");
            // Made is what is said to be made, and nothing else.
            let is_made = tagged.is_some_and(|found| found.digest == image.digest());
            let is_said = matches!(error, PushError::Unjournaled(_));
            assert_eq!(is_made, is_said, "{what}: {error:?}");
            scene
                .push_image(&repository, Some("1"), &image)
                .await
                .unwrap();
        }
        promises.note(&tell(true, &image));
        keeps(&scene, &promises, &what).await;
        // A directory that was to be made may be there: then nobody misses the change that failed.
        if pushed.is_ok() && !is_struck {
            assert!(at > 10, "{what}: it is not so few");
            scene
                .registry
                .collect_garbage(Duration::ZERO)
                .await
                .unwrap();
            nothing_is_unheld(&scene, &what).await;
            scene.close().await;
            comes_back(dir.path(), &promises, &promises, &what).await;
            return;
        }
    }
    panic!("{effect:?} strikes for ever");
}
