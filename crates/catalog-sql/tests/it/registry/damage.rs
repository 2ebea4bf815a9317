//! A damaged file: a plain error, or the truth, or nothing; never a wrong answer, and never a panic.

use std::path::{Path, PathBuf};

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    CatalogError, Committed, DropGuard, Dropped, HostedContent, HostedDrops, HostedLists,
    HostedPushes, HostedUpkeep, Referrer, ReferrersOf,
};
use futures::stream::{self, StreamExt};
use tempfile::TempDir;

use super::words::{AT, blob, layers, name, open, push, push_image, run, tag};
use crate::words::digest;

/// How many images the damaged file held, each in a repository of its own.
const IMAGES: u64 = 30;

/// Every so many bytes of the file, one is flipped: a prime, so that every part of a row is met.
const STRIDE: usize = 397;

/// A closed file with some of everything; the content is known by its numbers.
async fn sound(directory: &Path) -> PathBuf {
    let registry = open(directory).await;
    for number in 0..IMAGES {
        push_image(&registry, &name(number), number).await;
        let pinned = registry
            .pin_manifest(&name(number), &digest(number), true)
            .await;
        assert!(pinned.unwrap());
    }
    registry.close().await.unwrap();
    directory.join(REGISTRY_FILE_NAME)
}

/// Counts what a damaged file answered.
#[derive(Debug, Default)]
struct Answers {
    right: u64,
    nothing: u64,
    errors: u64,
}

impl Answers {
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
async fn ask(registry: &SqlRegistry, damage: &str) -> Answers {
    let mut answers = Answers::default();
    for number in 0..IMAGES {
        let (ours, image) = (name(number), push(number));
        let found = registry.find_hosted_tag(&ours, &tag(number)).await;
        answers.note(found, &image.manifest, damage);
        let found = registry.find_hosted_manifest(&ours, &digest(number)).await;
        answers.note(found, &image.manifest, damage);
        let layer = blob(layers(number)[0]);
        let found = registry.find_hosted_blob(&ours, &layer.digest).await;
        answers.note(found, &layer.size, damage);
        let found = registry.find_hosted_entry(&ours, &digest(number)).await;
        let pinned = found.map(|found| found.map(|entry| (entry.is_pinned, entry.pushed_at)));
        answers.note(pinned, &(true, AT), damage);
        let tags = registry.hosted_tags(&ours, None, 10).await;
        let first = tags.map(|tags| tags.and_then(|tags| tags.last().map(str::to_owned)));
        answers.note(first, &tag(number).to_string(), damage);
        let of = ReferrersOf {
            subject: digest(number + 1),
            artifact_type: None,
        };
        let page = registry.hosted_referrers(&ours, &of, None, 10).await;
        let referrer = Referrer {
            manifest: image.manifest.clone(),
            artifact_type: image.artifact_type.clone(),
            annotations: image.annotations.clone(),
        };
        let first = page.map(|page| page.into_iter().next());
        answers.note(first, &referrer, damage);
        ask_as_a_stranger(registry, number, damage).await;
    }
    // Wrong at most in accounting, so these need only not panic.
    let _ = registry.repositories(None, 100).await;
    let _ = registry.hosted_usage().await;
    let _ = registry.held(&[digest(1)]).await;
    answers
}

/// What others hold is not shown.
async fn ask_as_a_stranger(registry: &SqlRegistry, number: u64, damage: &str) {
    let stranger = name((number + 1) % IMAGES);
    let layer = digest(layers(number)[0]);
    let leaked = registry.find_hosted_blob(&stranger, &layer).await;
    assert_eq!(leaked.unwrap_or_default(), None, "{damage}");
    let leaked = registry
        .find_hosted_manifest(&stranger, &digest(number))
        .await;
    assert_eq!(leaked.unwrap_or_default(), None, "{damage}");
    let leaked = registry.find_hosted_tag(&stranger, &tag(number)).await;
    assert_eq!(leaked.unwrap_or_default(), None, "{damage}");
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
    let total = |answers: &Answers| answers.right + answers.nothing + answers.errors;
    assert!(served().all(|answers| total(answers) == 6 * IMAGES));
}

/// Opens the file with one byte flipped and asks it for everything; `None` if it does not open.
async fn ask_flipped(whole: &[u8], position: usize, flip: u8) -> Option<Answers> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    let mut bytes = whole.to_vec();
    bytes[position] ^= flip;
    std::fs::write(&path, bytes).unwrap();
    let registry = SqlRegistry::open(&path).await.ok()?;
    let answers = ask(&registry, &format!("byte {position} xor {flip:#x}")).await;
    // To write must not panic either, nor hang.
    let _ = registry.commit_blob(&name(1), &blob(5_000), AT).await;
    let _ = registry.commit_manifest(&name(2), &push(2)).await;
    let guard = DropGuard::default();
    let _ = registry
        .drop_hosted_manifest(&name(3), &digest(3), &guard)
        .await;
    let _ = registry.unlink_unused_blobs(AT, 10).await;
    let _ = registry.drop_repository(&name(4)).await;
    let _ = registry.integrity_check().await;
    let _ = registry.close().await;
    Some(answers)
}

/// Rot that the database does not see; each is told, and to push again mends it.
#[tokio::test]
async fn rot_in_a_row_is_told_and_mended_by_a_push() {
    for rot in [
        "UPDATE manifests SET media_type = 'text/html'",
        "UPDATE manifests SET size = size + 1",
        "UPDATE manifests SET pushed_at = 0",
        "UPDATE manifests SET seal = 0, referrer_seal = 0",
        "UPDATE tags SET seal = seal + 1",
        "UPDATE blobs SET size = 1; UPDATE tags SET seal = 0",
    ] {
        let directory = TempDir::new().unwrap();
        let registry = open(directory.path()).await;
        push_image(&registry, &name(1), 1).await;
        registry.close().await.unwrap();
        run(&directory.path().join(REGISTRY_FILE_NAME), rot).await;
        let registry = open(directory.path()).await;
        let error = registry
            .find_hosted_tag(&name(1), &tag(1))
            .await
            .unwrap_err();
        assert!(
            matches!(error, CatalogError::Corrupt(_)),
            "{rot}: {error:?}"
        );
        push_image(&registry, &name(1), 1).await;
        let found = registry.find_hosted_tag(&name(1), &tag(1)).await.unwrap();
        assert_eq!(found, Some(push(1).manifest), "{rot}");
        let layer = blob(layers(1)[0]);
        let size = registry.find_hosted_blob(&name(1), &layer.digest).await;
        assert_eq!(size.unwrap(), Some(layer.size), "{rot}");
    }
}

/// A rule that looks at rot must drop nothing by it.
#[tokio::test]
async fn a_manifest_whose_row_is_rotten_is_dropped_by_nobody_who_spares_pins() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    push_image(&registry, &name(1), 1).await;
    registry
        .pin_manifest(&name(1), &digest(1), true)
        .await
        .unwrap();
    registry.close().await.unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    run(&path, "UPDATE manifests SET is_pinned = 0").await;
    let registry = open(directory.path()).await;
    let mut guard = DropGuard {
        known_tags: vec![tag(1)],
        spares_pinned: true,
        ..DropGuard::default()
    };
    let refused = registry
        .drop_hosted_manifest(&name(1), &digest(1), &guard)
        .await;
    assert!(
        matches!(refused, Err(CatalogError::Corrupt(_))),
        "{refused:?}"
    );
    registry
        .hosted_manifests(&name(1), None, 10)
        .await
        .unwrap_err();
    guard.spares_pinned = false;
    let dropped = registry
        .drop_hosted_manifest(&name(1), &digest(1), &guard)
        .await;
    assert_eq!(dropped.unwrap(), Dropped::Done(digest(1)));
}

/// A rule that drops what has no tag must not be told so because the tag is lost.
#[tokio::test]
async fn a_manifest_whose_tag_is_lost_is_not_told_as_untagged() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    push_image(&registry, &name(1), 1).await;
    registry.close().await.unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    run(&path, "UPDATE tags SET manifest = 77").await;
    let registry = open(directory.path()).await;
    registry
        .hosted_manifests(&name(1), None, 10)
        .await
        .unwrap_err();
    registry
        .find_hosted_entry(&name(1), &digest(1))
        .await
        .unwrap_err();
    let guard = DropGuard::default();
    let refused = registry
        .drop_hosted_manifest(&name(1), &digest(1), &guard)
        .await;
    assert!(
        matches!(refused, Err(CatalogError::Corrupt(_))),
        "{refused:?}"
    );
}

/// Numbers that are kept beside the rows they count, and rows that lead nowhere.
#[tokio::test]
async fn a_check_of_the_whole_finds_sums_that_are_wrong() {
    for rot in [
        "UPDATE totals SET objects = objects + 1",
        "UPDATE totals SET bytes = bytes - 1",
        "UPDATE totals SET repositories = 2",
        "DELETE FROM totals",
        "UPDATE repositories SET bytes = bytes + 1",
        "UPDATE repositories SET manifests = 0",
        "UPDATE repositories SET tags = 2",
        "UPDATE blobs SET uses = 0",
        "UPDATE tags SET manifest = 77",
        "UPDATE manifests SET tags = 2",
        "UPDATE children SET parent = 77",
    ] {
        let directory = TempDir::new().unwrap();
        let registry = open(directory.path()).await;
        push_image(&registry, &name(1), 1).await;
        registry.integrity_check().await.unwrap();
        registry.close().await.unwrap();
        run(&directory.path().join(REGISTRY_FILE_NAME), rot).await;
        let registry = open(directory.path()).await;
        let error = registry.integrity_check().await.unwrap_err();
        assert!(
            matches!(error, CatalogError::Corrupt(_)),
            "{rot}: {error:?}"
        );
    }
}

/// Where the number of uses is rotten, the manifests themselves are asked.
#[tokio::test]
async fn a_blob_in_use_stays_though_its_number_of_uses_is_rotten() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    push_image(&registry, &name(1), 1).await;
    registry.close().await.unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    run(&path, "UPDATE blobs SET uses = 0, noted_at = 0").await;
    let registry = open(directory.path()).await;
    assert_eq!(registry.unlink_unused_blobs(AT, 10).await.unwrap(), 0);
    let layer = digest(layers(1)[0]);
    let dropped = registry.drop_hosted_blob(&name(1), &layer).await.unwrap();
    assert_eq!(dropped, Dropped::InUse);
    let done = registry.commit_manifest(&name(1), &push(1)).await.unwrap();
    assert_eq!(done, Committed::Done);
}
