//! An image as a hub holds it, and pulls of it that check each byte.

use std::time::Duration;

use hub_sim::{Blob, Hub, Manifest};

use crate::client::{Answer, Ask};
use crate::program::Program;

/// What a client that pulls an image asks for, and what it must get.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) by_tag: Part,
    pub(crate) by_digest: Vec<Part>,
    pub(crate) blobs: Vec<Part>,
}

/// One path and its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) path: String,
    pub(crate) digest: String,
    /// Of a manifest.
    media_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Pull {
    /// All of an image: with an index, every child.
    pub(crate) fn of(hub: &Hub, reference: &str) -> Self {
        let (name, tag) = reference.split_once(':').expect("name:tag");
        let root = hub.manifest(reference);
        let children = hub.children(reference);
        let manifests = std::iter::once(&root).chain(&children);
        let blobs = hub.blobs(reference);
        Self {
            by_tag: Part::manifest(name, tag, &root),
            by_digest: manifests
                .map(|manifest| Part::manifest(name, manifest.digest(), manifest))
                .collect(),
            blobs: blobs.iter().map(|blob| Part::blob(name, blob)).collect(),
        }
    }

    /// One platform of an index, by its manifest's digest.
    pub(crate) fn of_platform(hub: &Hub, reference: &str, platform: &str) -> Self {
        let (name, _) = reference.split_once(':').expect("name:tag");
        let child = hub.child(reference, platform);
        let by_tag = Part::manifest(name, child.digest(), &child);
        let blobs = hub.blobs(&format!("{name}@{}", child.digest()));
        Self {
            by_tag,
            by_digest: Vec::new(),
            blobs: blobs.iter().map(|blob| Part::blob(name, blob)).collect(),
        }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.by_tag)
            .chain(&self.by_digest)
            .chain(&self.blobs)
    }

    /// Asks for every part, each by HEAD and by GET, and expects it whole; how long the slowest answer took.
    pub(crate) async fn succeeds(&self, program: &Program) -> Duration {
        let mut slowest = Duration::ZERO;
        for part in self.parts() {
            let head = program.head(&part.path).await;
            part.expect_head(&head);
            let answer = part.get(program).await;
            slowest = slowest.max(head.took).max(answer.took);
        }
        slowest
    }
}

impl Part {
    fn manifest(name: &str, reference: &str, manifest: &Manifest) -> Self {
        Self {
            path: format!("/v2/{name}/manifests/{reference}"),
            digest: manifest.digest().to_owned(),
            media_type: Some(manifest.media_type().to_owned()),
            bytes: manifest.bytes().to_vec(),
        }
    }

    fn blob(name: &str, blob: &Blob) -> Self {
        Self {
            path: format!("/v2/{name}/blobs/{}", blob.digest()),
            digest: blob.digest().to_owned(),
            media_type: None,
            bytes: blob.bytes().to_vec(),
        }
    }

    /// GETs it and expects it whole.
    pub(crate) async fn get(&self, program: &Program) -> Answer {
        let answer = program.ask(Ask::get(&self.path)).await;
        self.expect(&answer);
        answer
    }

    /// Expects an answer to be this.
    pub(crate) fn expect(&self, answer: &Answer) {
        self.expect_head(answer);
        assert!(answer.is_whole, "{}: cut", self.path);
        assert!(answer.body == self.bytes, "{}: other bytes", self.path);
    }

    fn expect_head(&self, answer: &Answer) {
        assert_eq!(answer.status, 200, "{}: {}", self.path, answer.text());
        assert_eq!(answer.header("docker-content-digest"), Some(&*self.digest));
        if let Some(media_type) = &self.media_type {
            assert_eq!(answer.header("content-type"), Some(&**media_type));
        }
    }
}
