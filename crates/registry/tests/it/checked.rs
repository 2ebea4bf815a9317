//! A check of the registry: what is lost is named by who needs it, and rows and journals are made to tell the same.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    BlobStore as _, Change, ContentSource as _, DropGuard, HostedContent as _, HostedDrops as _,
    HostedManifest, HostedPushes as _, HostedUpkeep as _, Journal as _, JournalEntry, ManifestPush,
    Missing, Request, SourceError, Timestamp,
};
use forebay_oci::{Digest, MediaType};
use forebay_registry::{LostObject, RegistryCheck};
use tempfile::TempDir;

use crate::history::Client;
use crate::rebuilt::{rebuilt, snapshot};
use crate::scene::{Image, Scene, digest_of, index, name};
use crate::seed::seed;

async fn checked(scene: &Scene, mend: bool) -> RegistryCheck {
    scene.registry.check(mend, &|_| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_sound_is_found_sound_whatever_goes_on_in_it() {
    let seed = seed();
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let told = Mutex::new(0);
    let tell = |_: &_| *told.lock().unwrap() += 1;
    let acts = async {
        let mut clients = [0, 1].map(|number| Client::new(&scene, (seed, number), &tell));
        for _ in 0..40 {
            for client in &mut clients {
                client.act().await;
            }
        }
    };
    let checks = async {
        for _ in 0..10 {
            let found = checked(&scene, true).await;
            assert!(found.is_clean(), "seed {seed}: {found:?}");
        }
    };
    tokio::join!(acts, checks);
    assert!(checked(&scene, false).await.is_clean(), "seed {seed}");
    scene.close().await;
}

#[tokio::test]
async fn what_is_lost_is_named_by_the_images_that_need_it_until_it_is_pushed_again() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (app, web) = (name("team/app"), name("web"));
    let (first, second) = (Image::numbered(0), Image::numbered(3));
    scene.push_image(&app, Some("1"), &first).await.unwrap();
    scene.push_image(&web, None, &second).await.unwrap();
    // Both have it.
    let shared = Digest::sha256(&first.blobs[1]);
    assert_eq!(shared, Digest::sha256(&second.blobs[1]));
    scene.blobs.delete(&shared).await.unwrap();
    for mend in [false, true, false] {
        let found = checked(&scene, mend).await;
        let expected = LostObject {
            digest: shared.to_string(),
            images: vec!["team/app:1".to_owned(), format!("web@{}", second.digest())],
        };
        assert_eq!(found.missing, [expected], "{found:?}");
        assert_eq!((found.sound, found.damaged.len()), (6, 0));
        assert!(!found.is_clean());
    }
    // Whoever pushes it is told that it is not there, and brings it.
    let request = Request::in_background(app.clone());
    let asked = scene.registry.stat_blob(&request, &shared).await;
    assert!(
        matches!(asked, Err(SourceError::NotFound(Missing::Blob))),
        "{asked:?}"
    );
    scene.push_image(&app, Some("1"), &first).await.unwrap();
    assert!(checked(&scene, false).await.is_clean());
    scene.close().await;
}

#[tokio::test]
async fn what_rows_or_journals_alone_tell_is_told_by_both_after() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let app = name("app");
    let images: Vec<Image> = (0..4).map(Image::numbered).collect();
    for (number, image) in images.iter().enumerate() {
        let tag = number.to_string();
        scene.push_image(&app, Some(&tag), image).await.unwrap();
    }
    // Rows that lost a manifest, and one that lost its tag.
    let (rows, guard) = (
        &scene.rows,
        DropGuard {
            known_tags: vec!["0".parse().unwrap()],
            ..DropGuard::default()
        },
    );
    rows.drop_hosted_manifest(&app, &images[0].digest(), &guard)
        .await
        .unwrap();
    rows.drop_hosted_tag(&app, &"1".parse().unwrap())
        .await
        .unwrap();
    // A push, a pin and a repository that no journal has heard of.
    rows.pin_manifest(&app, &images[2].digest(), true)
        .await
        .unwrap();
    let lone = index("lone", &[]);
    scene.push(&app, None, &lone).await.unwrap();
    let bytes = Bytes::from(lone.to_string());
    let push = ManifestPush {
        manifest: HostedManifest {
            digest: digest_of(&lone),
            media_type: MediaType::OCI_INDEX,
            size: bytes.len() as u64,
        },
        children: Vec::new(),
        subject: None,
        artifact_type: None,
        annotations: None,
        tags: vec!["only-rows".parse().unwrap()],
        immutable_tags: Vec::new(),
        tag_bounds: None,
        quota_bytes: None,
        at: Timestamp(5),
    };
    rows.commit_manifest(&name("only/rows"), &push)
        .await
        .unwrap();
    let found = checked(&scene, false).await;
    assert_eq!(found.differences.len(), 4, "{found:?}");
    assert!(!found.is_settled);
    assert_eq!(checked(&scene, false).await.differences, found.differences);
    let mended = checked(&scene, true).await;
    assert_eq!(mended.differences, found.differences);
    assert!(mended.is_settled);
    let after = checked(&scene, false).await;
    assert!(after.is_clean(), "{after:?}");
    for (number, image) in images.iter().enumerate() {
        let tag = number.to_string().parse().unwrap();
        let found = rows.find_hosted_tag(&app, &tag).await.unwrap();
        assert_eq!(found.unwrap().digest, image.digest());
    }
    scene
        .registry
        .collect_garbage(Duration::ZERO)
        .await
        .unwrap();
    let before = snapshot(&scene.rows).await;
    scene.close().await;
    let (again, report) = rebuilt(dir.path()).await;
    assert_eq!(again, before);
    assert_eq!(report.unreadable, 0);
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_counted() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let app = name("app");
    scene
        .push_image(&app, Some("1"), &Image::numbered(1))
        .await
        .unwrap();
    let journal = forebay_blobs_fs::FsJournal::open(
        dir.path(),
        std::sync::Arc::new(forebay_blobs_fs::RealDisk),
    );
    let entry = JournalEntry {
        at: Timestamp(1),
        change: Change::Untagged {
            tag: "2".parse().unwrap(),
        },
    };
    journal.unwrap().append(&app, &[entry]).await.unwrap();
    let file = std::fs::read_dir(dir.path().join("journal"))
        .unwrap()
        .next();
    let path = file.unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let found = checked(&scene, true).await;
    assert_eq!((found.unreadable_lines, found.differences.len()), (1, 0));
    scene.close().await;
}
