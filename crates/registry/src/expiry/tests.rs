use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use forebay_content::memory::{MemoryBlobs, MemoryHosted, MemoryJournal};
use forebay_content::{
    Clock as _, HostedContent as _, HostedPushes as _, HostedUpkeep as _, ManualClock,
    RepositorySettings,
};
use forebay_content::{Journal as _, Timestamp};
use forebay_jobs::Supervisor;
use forebay_lifecycle_rules::{Expiry, Rule, Selection, Tagged};
use forebay_oci::{MediaType, Reference};
use serde_json::{Value, json};

use super::*;
use crate::Stores;
use crate::lifecycle::Shield;

/// A registry in memory with one repository, at a time that the test moves.
struct Scene {
    registry: Arc<LocalRegistry>,
    rows: Arc<MemoryHosted>,
    journal: Arc<MemoryJournal>,
    clock: ManualClock,
    supervisor: Supervisor,
    repository: RepositoryName,
}

impl Scene {
    fn new() -> Self {
        let (rows, journal) = (
            Arc::new(MemoryHosted::new()),
            Arc::new(MemoryJournal::new()),
        );
        let clock = ManualClock::at(Timestamp(1_700_000_000_000));
        let stores = Stores {
            blobs: Arc::new(MemoryBlobs::default()),
            rows: rows.clone(),
            journal: journal.clone(),
        };
        let supervisor = Supervisor::new();
        Self {
            registry: LocalRegistry::open(stores, Arc::new(clock.clone()), &supervisor),
            rows,
            journal,
            clock,
            supervisor,
            repository: "team/app".parse().unwrap(),
        }
    }

    /// Pushes an artifact without layers, an hour after what was pushed last.
    async fn push(&self, tag: Option<&str>, fields: Value) -> Digest {
        self.clock.advance(Duration::from_hours(1));
        let mut manifest = json!({ "schemaVersion": 2 });
        manifest
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let bytes = Bytes::from(manifest.to_string());
        let media_type = match manifest["manifests"] {
            Value::Null => MediaType::OCI_MANIFEST,
            _ => MediaType::OCI_INDEX,
        };
        let reference = match tag {
            Some(tag) => tag.parse().map(Reference::Tag).unwrap(),
            None => Reference::Digest(Digest::sha256(&bytes)),
        };
        let pushed = self.registry.push_manifest(
            &self.repository,
            (&reference, &[]),
            (bytes, Some(&media_type)),
        );
        pushed.await.unwrap().digest
    }

    /// An image that differs from those of other names.
    async fn image(&self, tag: Option<&str>, name: &str) -> Digest {
        self.push(tag, image(name)).await
    }

    async fn holds(&self, digest: &Digest) -> bool {
        let found = self.rows.find_hosted_manifest(&self.repository, digest);
        found.await.unwrap().is_some()
    }

    async fn expire(&self, rules: Vec<Rule>) -> Expired {
        let policy = Policy::new(rules);
        // What would go is what goes.
        let plan = self
            .registry
            .plan_expiry(&self.repository, &policy)
            .await
            .unwrap();
        let gone = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&gone);
        let tell = Arc::new(move |_: &Going| _ = told.fetch_add(1, Ordering::Relaxed));
        let expired = self
            .registry
            .expire(&self.repository, &policy, tell)
            .await
            .unwrap();
        assert_eq!(expired.plan, plan);
        assert_eq!(expired.dropped, gone.load(Ordering::Relaxed));
        expired
    }

    /// The digests that the journal says were dropped.
    async fn dropped(&self) -> Vec<Digest> {
        let opened = self.journal.open(&self.repository).await.unwrap();
        let entries = opened.unwrap().next(1000).await.unwrap();
        let drops = entries.into_iter().filter_map(|entry| match entry.change {
            Change::Dropped { digest } => Some(digest),
            _ => None,
        });
        drops.collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

fn image(name: &str) -> Value {
    json!({
        "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "artifactType": "application/vnd.example",
        "config": empty(),
        "layers": [],
        "annotations": { "name": name },
    })
}

/// OCI's empty descriptor.
fn empty() -> Value {
    json!({
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
    })
}

fn index(children: &[&Digest]) -> Value {
    let child = |digest: &&Digest| json!({ "mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": digest.to_string(), "size": 2 });
    json!({
        "mediaType": MediaType::OCI_INDEX.as_str(),
        "manifests": children.iter().map(child).collect::<Vec<_>>(),
    })
}

fn about(subject: &Digest, name: &str) -> Value {
    let mut referrer = image(name);
    referrer["subject"] = json!({ "mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": subject.to_string(), "size": 2 });
    referrer
}

fn rule(selection: Selection, expiry: Expiry) -> Rule {
    Rule {
        name: "rule".to_owned(),
        priority: 1,
        repositories: vec!["team/*".parse().unwrap()],
        selection,
        expiry,
    }
}

fn keep_newest(kept: u32) -> Rule {
    let tagged = Tagged {
        patterns: vec!["v*".parse().unwrap()],
        needs_every: false,
        spares_other_tags: true,
    };
    rule(Selection::Tagged(tagged), Expiry::KeepNewest(kept))
}

/// Gives the repository the empty blob that all images name.
async fn scene() -> Scene {
    let scene = Scene::new();
    let digest = Digest::sha256(b"{}");
    let blob = forebay_content::HostedBlob {
        digest,
        size: 2,
        quota_bytes: None,
    };
    let now = scene.clock.now();
    scene
        .rows
        .commit_blob(&scene.repository, &blob, now)
        .await
        .unwrap();
    scene
}

#[tokio::test]
async fn the_oldest_go_with_their_children_and_signatures_and_the_journal_knows() {
    let scene = scene().await;
    let (amd, arm) = (
        scene.image(None, "amd").await,
        scene.image(None, "arm").await,
    );
    let old = scene.push(Some("v1"), index(&[&amd, &arm])).await;
    let signature = scene.push(None, about(&old, "signature")).await;
    let new = scene.push(Some("v2"), index(&[&arm])).await;
    let expired = scene.expire(vec![keep_newest(1)]).await;
    assert_eq!((expired.dropped, expired.changed), (3, 0));
    for gone in [&old, &amd, &signature] {
        assert!(!scene.holds(gone).await);
    }
    for kept in [&new, &arm] {
        assert!(scene.holds(kept).await);
    }
    let dropped = scene.dropped().await;
    assert_eq!(dropped.len(), 3);
    assert_eq!(dropped[0], old);
    let again = scene.expire(vec![keep_newest(1)]).await;
    assert_eq!(again, Expired::default());
}

#[tokio::test]
async fn pinned_and_immutable_ones_stay_and_it_is_told() {
    let scene = scene().await;
    let settings = RepositorySettings {
        immutable_tags: vec!["v2*".to_owned()],
        quota_bytes: None,
    };
    let now = scene.clock.now();
    scene
        .rows
        .keep_repository(&scene.repository, &settings, now)
        .await
        .unwrap();
    let pinned = scene.image(Some("v1"), "pinned").await;
    scene
        .rows
        .pin_manifest(&scene.repository, &pinned, true)
        .await
        .unwrap();
    let fixed = scene.image(Some("v2"), "fixed").await;
    let goes = scene.image(Some("v3"), "goes").await;
    scene.clock.advance(Duration::from_hours(24 * 100));
    let expired = scene.expire(vec![keep_newest(0)]).await;
    assert_eq!(expired.dropped, 1);
    assert!(!scene.holds(&goes).await);
    assert!(scene.holds(&pinned).await && scene.holds(&fixed).await);
    let mut shields: Vec<(Digest, Shield)> = Vec::new();
    for spared in expired.plan.spared {
        shields.push((spared.digest, spared.shield));
    }
    shields.sort_by_key(|(digest, _)| *digest == fixed);
    let immutable = Shield::ImmutableTag("v2".parse().unwrap());
    assert_eq!(shields, [(pinned, Shield::Pinned), (fixed, immutable)]);
}

#[tokio::test]
async fn what_was_pulled_a_moment_ago_is_not_unused() {
    let scene = scene().await;
    let used = scene.image(Some("v1"), "used").await;
    let unused = scene.image(Some("v2"), "unused").await;
    scene.clock.advance(Duration::from_hours(24 * 100));
    scene.registry.note_pull(&scene.repository, &used);
    let period = Duration::from_hours(24 * 90);
    let rules = vec![rule(Selection::Everything, Expiry::NotPulledFor(period))];
    assert_eq!(scene.expire(rules).await.dropped, 1);
    assert!(scene.holds(&used).await && !scene.holds(&unused).await);
}

#[tokio::test]
async fn what_changed_after_the_plan_stays_with_all_that_goes_with_it() {
    let scene = scene().await;
    let child = scene.image(None, "child").await;
    let old = scene.push(Some("v1"), index(&[&child])).await;
    let signed = scene.image(Some("v2"), "signed").await;
    scene.image(Some("v3"), "new").await;
    let policy = Policy::new(vec![keep_newest(1)]);
    let plan = scene
        .registry
        .plan_expiry(&scene.repository, &policy)
        .await
        .unwrap();
    assert_eq!(plan.goes.len(), 3);
    let planned_at = scene.clock.now();
    let going = |digest: &Digest| {
        plan.goes
            .iter()
            .find(|going| going.digest == *digest)
            .unwrap()
    };

    // Tagged since, signed since, pushed anew since.
    scene.push(Some("stable"), index(&[&child])).await;
    let repository = &scene.repository;
    assert!(
        !scene
            .registry
            .let_go(repository, going(&old), planned_at)
            .await
            .unwrap()
    );
    scene.push(None, about(&signed, "signature")).await;
    let goes: HashSet<&Digest> = plan.goes.iter().map(|going| &going.digest).collect();
    let is_free = scene
        .registry
        .is_free_but_for(&goes, repository, going(&signed));
    assert!(!is_free.await.unwrap());
    assert!(
        !scene
            .registry
            .let_go(repository, going(&child), planned_at)
            .await
            .unwrap()
    );
    scene.image(Some("v2"), "signed").await;
    assert!(
        !scene
            .registry
            .let_go(repository, going(&signed), planned_at)
            .await
            .unwrap()
    );
    assert_eq!(scene.dropped().await, []);
}

/// It goes by its own rule and before its subject, which stays for it if it stays.
#[tokio::test]
async fn what_is_about_an_image_and_has_a_tag_of_its_own_goes_first() {
    for is_pulled in [false, true] {
        let scene = scene().await;
        let image = scene.image(None, "image").await;
        let report = scene.push(Some("report"), about(&image, "report")).await;
        let signature = scene.push(None, about(&image, "signature")).await;
        scene.clock.advance(Duration::from_hours(24 * 100));
        let period = Duration::from_hours(24 * 90);
        let policy = Policy::new(vec![rule(
            Selection::Everything,
            Expiry::NotPulledFor(period),
        )]);
        // Of those that wait for nobody, the lowest digest goes first.
        let mut other = report.clone();
        for number in 0..64 {
            if other == report {
                let name = number.to_string();
                other = scene.image(None, &name).await.min(other);
            }
        }
        scene.clock.advance(Duration::from_hours(24 * 100));
        // Pulled while the first of the plan goes.
        let repository = scene.repository.clone();
        let (registry, clock) = (Arc::clone(&scene.registry), scene.clock.clone());
        let pulled = (repository.clone(), report.clone());
        let tell = Arc::new(move |going: &Going| {
            if is_pulled && going.digest == other {
                clock.advance(Duration::from_millis(1));
                registry.note_pull(&pulled.0, &pulled.1);
            }
        });
        let expired = scene.registry.expire(&repository, &policy, tell).await;
        let expired = expired.unwrap();
        let order: Vec<&Digest> = expired
            .plan
            .goes
            .iter()
            .map(|going| &going.digest)
            .collect();
        let place = |digest: &Digest| order.iter().position(|one| *one == digest).unwrap();
        assert!(place(&report) < place(&image) && place(&image) < place(&signature));
        for digest in [&report, &image, &signature] {
            assert_eq!(scene.holds(digest).await, is_pulled, "{digest}");
        }
        assert_eq!(expired.changed, if is_pulled { 3 } else { 0 });
    }
}

#[tokio::test]
async fn rules_of_other_repositories_do_nothing_and_an_absent_repository_is_told() {
    let scene = scene().await;
    scene.image(Some("v1"), "a").await;
    let mut other = keep_newest(0);
    other.repositories = vec!["other/*".parse().unwrap()];
    assert_eq!(scene.expire(vec![other]).await, Expired::default());
    let absent: RepositoryName = "team/absent".parse().unwrap();
    let refused = scene
        .registry
        .expire(
            &absent,
            &Policy::new(vec![keep_newest(0)]),
            Arc::new(|_| {}),
        )
        .await;
    assert!(matches!(refused, Err(ExpiryError::NoRepository(name)) if name == absent));
}
