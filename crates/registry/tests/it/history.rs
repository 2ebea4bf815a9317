//! What clients do by chance: push, tag anew, refer, mount, drop, break off, and have garbage collected; each tells what it does.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{ContentSource as _, Request, SourceError};
use forebay_oci::{Digest, RepositoryName};
use forebay_registry::{Mounted, PushError, Refused};
use serde_json::Value;

use crate::promises::{Act, Told};
use crate::scene::{Image, Scene, content, digest_of, index, name, uploader};
use crate::seed::Chance;

pub(crate) const REPOSITORIES: [&str; 2] = ["app", "team/web"];

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
        match self.chance.below(12) {
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
