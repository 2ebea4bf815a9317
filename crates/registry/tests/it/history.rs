//! What clients do by chance: push, tag anew, refer, mount, drop, break off, and have garbage collected; and in a repository of its
//! own pin, settle, let go by rules, and delete it. Each tells what it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{ContentSource as _, Request, SourceError};
use forebay_lifecycle_rules::{Expiry, Policy, Rule, Selection};
use forebay_oci::{Digest, Reference, RepositoryName};
use forebay_registry::{Mounted, PushError, Quota, Refused, Settings, SettingsChange};
use serde_json::Value;

use crate::promises::{Act, Told};
use crate::scene::{Image, Scene, content, digest_of, index, name, uploader};
use crate::seed::Chance;

pub(crate) const REPOSITORIES: [&str; 2] = ["app", "team/web"];

/// How many images an owner's rule keeps.
const KEPT: u32 = 2;

/// How often a push begins anew whose blobs were collected under it.
const TRIES: usize = 20;

/// One client, whose tags and manifests are its own; repositories and layers are everyone's.
pub(crate) struct Client<'s> {
    scene: &'s Scene,
    chance: Chance,
    /// What its images and tags are called by.
    life: String,
    number: usize,
    pushed: u32,
    alive: Vec<(RepositoryName, Digest)>,
    tell: &'s (dyn Fn(&Told) + Sync),
}

impl<'s> Client<'s> {
    pub(crate) fn new(
        scene: &'s Scene,
        (seed, number): (u64, usize),
        tell: &'s (dyn Fn(&Told) + Sync),
    ) -> Self {
        Self {
            scene,
            chance: Chance::of(seed + number as u64),
            life: format!("{seed}-{number}"),
            number,
            pushed: 0,
            alive: Vec::new(),
            tell,
        }
    }

    /// Does something. What it asks for is done; what the clients do to one another is no error.
    pub(crate) async fn act(&mut self) {
        let repository = name(REPOSITORIES[self.chance.below(REPOSITORIES.len())]);
        let tag = format!("client{}-{}", self.number, self.chance.below(3));
        match self.chance.below(16) {
            12..16 => self.own().await,
            0..4 => {
                let image = self.image();
                self.push(&repository, Some(tag), &image).await;
            }
            4 => {
                let image = self.image();
                self.push(&repository, None, &image).await;
            }
            5 => {
                let subject = self
                    .some(&repository)
                    .unwrap_or_else(|| Digest::sha256(b""));
                let image = self.image().about(&subject);
                self.push(&repository, None, &image).await;
            }
            6 => {
                let children: BTreeSet<Digest> =
                    (0..2).filter_map(|_| self.some(&repository)).collect();
                let children: Vec<_> = children.into_iter().collect();
                let manifest = index(&format!("{} {}", self.life, self.pushed), &children);
                self.pushed += 1;
                let image = Image {
                    blobs: Vec::new(),
                    manifest,
                };
                self.push(&repository, Some(tag), &image).await;
            }
            7 => self.untag(&repository, tag).await,
            8 => self.drop(&repository).await,
            9 => self.break_off(&repository).await,
            10 => self.collect(Duration::ZERO).await,
            _ => self.collect(Duration::from_hours(1)).await,
        }
    }

    /// Does each thing once, so that nothing with a commit is left out; its manifests go in each of the ways that there are.
    pub(crate) async fn do_everything(&mut self) {
        let [app, web] = REPOSITORIES.map(name);
        let (own, tag) = (name("own"), "1".to_owned());
        let image = self.image();
        self.push(&app, Some(tag.clone()), &image).await;
        let layer = Digest::sha256(&image.blobs[0]);
        let mounted = self.scene.registry.mount(&app, &web, &layer).await;
        assert_eq!(mounted.unwrap(), Mounted::Done);
        let about = self.image().about(&digest_of(&image.manifest));
        self.push(&web, None, &about).await;
        self.break_off(&app).await;
        self.untag(&app, tag).await;
        self.drop(&app).await;
        self.settle(&own).await;
        for number in 0..KEPT + 2 {
            let image = self.image();
            self.push(&own, Some(format!("v{number}")), &image).await;
        }
        self.pin(&own).await;
        let before = self.alive.len();
        self.expire(&own).await;
        // But for the one that may be pinned.
        assert!(self.alive.len() < before, "the rule let go of nothing");
        for is_to_go in [false, true] {
            if is_to_go {
                self.clear(&own).await;
            }
            let collected = self.scene.registry.collect_garbage(Duration::ZERO).await;
            assert!(collected.unwrap().objects > 0, "nothing was collected");
        }
    }

    /// What an owner does with a repository of its own: nobody else's acts and these are about the same.
    async fn own(&mut self) {
        let own = name(&format!("own{}", self.number));
        match self.chance.below(8) {
            0..3 => {
                let (tag, image) = (format!("v{}", self.chance.below(4)), self.image());
                self.push(&own, Some(tag), &image).await;
            }
            3 => {
                let image = self.image();
                self.push(&own, None, &image).await;
            }
            4 => self.pin(&own).await,
            5 => self.settle(&own).await,
            6 => self.expire(&own).await,
            _ => self.clear(&own).await,
        }
    }

    async fn settle(&mut self, own: &RepositoryName) {
        let quota = (1 << 40) + self.chance.below(1 << 20) as u64;
        let told = self.ask(own, Act::Settle(quota));
        let registry = &self.scene.registry;
        registry
            .create_repository(own, Settings::default())
            .await
            .unwrap();
        let settle = SettingsChange {
            quota: Some(Quota::Bytes(quota)),
            ..SettingsChange::default()
        };
        registry.settle_repository(own, settle).await.unwrap();
        self.done(told);
    }

    async fn clear(&mut self, own: &RepositoryName) {
        self.alive.retain(|(of, _)| of != own);
        let told = self.ask(own, Act::Clear);
        let registry = &self.scene.registry;
        registry.delete_repository(own, true).await.unwrap();
        self.done(told);
    }

    async fn pin(&mut self, own: &RepositoryName) {
        let Some(digest) = self.some(own) else {
            return;
        };
        let is_pinned = self.chance.below(3) > 0;
        let told = self.ask(own, Act::Pin(digest.clone(), is_pinned));
        let reference = Reference::Digest(digest);
        let registry = &self.scene.registry;
        registry.pin(own, &reference, is_pinned).await.unwrap();
        self.done(told);
    }

    /// Lets go of what rules say, as they plan it.
    async fn expire(&mut self, own: &RepositoryName) {
        let policy = Policy::new(vec![Rule {
            name: "the newest".to_owned(),
            priority: 1,
            repositories: vec!["**".parse().unwrap()],
            selection: Selection::Everything,
            expiry: Expiry::KeepNewest(KEPT),
        }]);
        let registry = &self.scene.registry;
        // Its owner deleted it, or has yet to push to it.
        let Ok(plan) = registry.plan_expiry(own, &policy).await else {
            assert_eq!(registry.find_repository(own).await.unwrap(), None);
            return;
        };
        let planned = plan.goes.iter().map(|going| going.digest.clone());
        let told: Vec<Told> = planned
            .map(|digest| self.ask(own, Act::Drop(digest)))
            .collect();
        registry
            .expire(own, &policy, Arc::new(|_| {}))
            .await
            .unwrap();
        for told in told {
            if let Act::Drop(digest) = &told.act {
                self.alive
                    .retain(|(of, alive)| of != own || alive != digest);
            }
            self.done(told);
        }
    }

    fn image(&mut self) -> Image {
        self.pushed += 1;
        let shared = u32::try_from(self.chance.below(4)).unwrap();
        let own = u32::try_from(self.chance.below(1 << 30)).unwrap();
        let layers = vec![content(shared, 70_000), content(own, 500)];
        Image::of(&format!("{} {}", self.life, self.pushed), layers)
    }

    fn some(&mut self, repository: &RepositoryName) -> Option<Digest> {
        let own: Vec<_> = self
            .alive
            .iter()
            .filter(|(of, _)| of == repository)
            .collect();
        (!own.is_empty()).then(|| own[self.chance.below(own.len())].1.clone())
    }

    async fn push(&mut self, repository: &RepositoryName, tag: Option<String>, image: &Image) {
        let digest = digest_of(&image.manifest);
        let told = self.ask(repository, Act::Push(digest.clone(), tag.clone()));
        for _ in 0..TRIES {
            for blob in &image.blobs {
                self.bring(repository, blob).await;
            }
            if self
                .is_taken(repository, tag.as_deref(), &image.manifest)
                .await
            {
                self.alive.push((repository.clone(), digest));
                return self.done(told);
            }
        }
        // Asked, and never acknowledged.
    }

    /// Whether all of it is there now.
    async fn is_taken(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        manifest: &Value,
    ) -> bool {
        match self.scene.push(repository, tag, manifest).await {
            Ok(pushed) => pushed.absent.is_empty(),
            // Collected meanwhile: with no grace that is how it must be.
            Err(PushError::MissingBlobs(_)) => false,
            Err(error) => panic!("a push failed: {error:?}"),
        }
    }

    /// As clients do: asks for the blob, mounts it, and uploads it if it must.
    async fn bring(&mut self, repository: &RepositoryName, blob: &Bytes) {
        let digest = Digest::sha256(blob);
        let registry = &self.scene.registry;
        let request = Request::in_background(repository.clone());
        match registry.stat_blob(&request, &digest).await {
            Ok(_) => return,
            Err(SourceError::NotFound(_)) => {}
            Err(error) => panic!("a HEAD failed: {error:?}"),
        }
        if self.chance.below(2) == 0 {
            let from = name(REPOSITORIES[self.chance.below(REPOSITORIES.len())]);
            let mounted = registry.mount(&from, repository, &digest).await.unwrap();
            if mounted == Mounted::Done {
                return;
            }
        }
        self.scene.upload(repository, blob).await.unwrap();
    }

    async fn untag(&self, repository: &RepositoryName, tag: String) {
        let told = self.ask(repository, Act::Untag(tag.clone()));
        let tag = tag.parse().unwrap();
        match self.scene.registry.drop_tag(repository, &tag).await {
            Ok(()) | Err(PushError::NotFound(_)) => self.done(told),
            Err(error) => panic!("a drop failed: {error:?}"),
        }
    }

    async fn drop(&mut self, repository: &RepositoryName) {
        let Some(digest) = self.some(repository) else {
            return;
        };
        self.alive
            .retain(|(of, alive)| of != repository || *alive != digest);
        let told = self.ask(repository, Act::Drop(digest.clone()));
        match self.scene.registry.drop_manifest(repository, &digest).await {
            Ok(()) => self.done(told),
            Err(error) => panic!("a drop failed: {error:?}"),
        }
    }

    /// An upload that is left, one that is taken back, one that is not what it was said to be, and a blob that nobody needs.
    async fn break_off(&mut self, repository: &RepositoryName) {
        let registry = &self.scene.registry;
        let who = uploader(repository);
        for is_taken_back in [false, true] {
            let id = registry.begin_upload(who.clone(), None).await.unwrap();
            let mut upload = registry.upload(&who, id).await.unwrap();
            upload.write(content(7, 70_000)).await.unwrap();
            if is_taken_back {
                registry.cancel_upload(upload);
            }
        }
        let another = Digest::sha256(b"another");
        let failed = self
            .scene
            .upload_as(repository, &content(8, 300), &another)
            .await;
        assert!(matches!(failed, Err(PushError::Digest { .. })));
        let unused = content(u32::try_from(self.chance.below(1 << 20)).unwrap(), 200);
        let digest = self.scene.upload(repository, &unused).await.unwrap();
        match registry.drop_blob(repository, &digest).await {
            Ok(()) | Err(PushError::NotFound(_) | PushError::Refused(Refused::InUse)) => {}
            Err(error) => panic!("a drop failed: {error:?}"),
        }
    }

    async fn collect(&self, grace: Duration) {
        self.scene.registry.collect_garbage(grace).await.unwrap();
    }

    fn ask(&self, repository: &RepositoryName, act: Act) -> Told {
        let told = Told {
            is_done: false,
            repository: repository.to_string(),
            act,
        };
        (self.tell)(&told);
        told
    }

    fn done(&self, told: Told) {
        (self.tell)(&Told {
            is_done: true,
            ..told
        });
    }
}
