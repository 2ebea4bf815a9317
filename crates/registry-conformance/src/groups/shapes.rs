//! Every shape of content, under every algorithm, through its life: pushed, listed, read, referred to, deleted and gone.

use serde_json::Value;

use crate::content::{Content, SHAPES};
use crate::digest::{Algorithm, Digest};
use crate::repository::Repository;
use crate::suite::{Outcome, Suite};
use crate::verdict::{Stop, Verdict, ensure};
use crate::way::Way;

/// The ways by which blobs are pushed here, one after the other.
const WAYS: [Way; 4] = [
    Way::PostPut,
    Way::Streamed,
    Way::Chunks,
    Way::LastChunkInPut,
];

/// A shape's life under one algorithm.
struct Life<'a> {
    suite: &'a Suite,
    repo: Repository,
    content: Content,
    /// What its cases' names begin with.
    name: String,
    /// Whether tags come with the manifest that is pushed by its digest.
    tags_by_query: bool,
}

pub(super) async fn run(suite: &Suite, shape: &str) {
    let Some(shape) = SHAPES.iter().find(|known| known.name == shape) else {
        return;
    };
    for (algorithm, tags_by_query) in [
        (Algorithm::Sha256, false),
        (Algorithm::Sha256, true),
        (Algorithm::Sha512, true),
    ] {
        let how = match (algorithm, tags_by_query) {
            (Algorithm::Sha256, true) => "sha256-tag-param",
            _ => algorithm.as_str(),
        };
        let mut life = Life {
            suite,
            repo: suite.repository(&format!("{}-{how}", shape.name)),
            content: shape.content(algorithm),
            name: format!("{}/{how}", shape.name),
            tags_by_query,
        };
        life.push().await;
        life.list().await;
        life.read("head").await;
        life.read("get").await;
        life.refer().await;
        life.delete().await;
    }
}

impl Life<'_> {
    async fn case(&self, step: &str, check: impl Future<Output = Verdict>) -> Outcome {
        self.suite
            .case(format!("{}/{step}", self.name), check)
            .await
    }

    async fn push(&mut self) {
        let ways = WAYS.iter().cycle();
        for ((name, blob), way) in self.content.blobs.iter().zip(ways) {
            let step = format!("push/blob/{name}");
            self.case(&step, way.push(&self.repo, blob)).await;
        }
        let mut is_declined = false;
        for (place, document) in self.content.documents.iter().enumerate() {
            let tags = if self.tags_by_query {
                self.content.tags_of(place)
            } else {
                Vec::new()
            };
            let push = self
                .repo
                .push_manifest(document.digest.as_str(), document, &tags);
            let pushed = self
                .case(&format!("push/manifest/{}", document.name), push)
                .await;
            is_declined = document.is_sparse && matches!(pushed, Outcome::Skipped(_));
        }
        if is_declined {
            // A sparse document is the last of its shape: without it the rest of the life goes on.
            self.content.forget_last();
        }
        if self.tags_by_query && !self.takes_tags_by_query().await {
            // Then there are none, and the rest of the life goes on without.
            self.content.tags.clear();
        }
        for (tag, place) in self.content.tags.iter().filter(|_| !self.tags_by_query) {
            let document = &self.content.documents[*place];
            let push = self.repo.push_manifest(tag, document, &[]);
            self.case(&format!("push/tag/{tag}"), push).await;
        }
    }

    /// Whether any of the tags that came with their manifests is there.
    async fn takes_tags_by_query(&self) -> bool {
        for (tag, place) in &self.content.tags {
            let document = &self.content.documents[*place];
            if self.repo.head_manifest(tag, document).await.is_ok() {
                return true;
            }
        }
        false
    }

    async fn list(&self) {
        if self.content.tags.is_empty() {
            return;
        }
        let mut all: Vec<String> = self
            .content
            .tags
            .iter()
            .map(|(tag, _)| tag.clone())
            .collect();
        all.sort();
        let check = async {
            let tags = self.repo.tags("").await?;
            ensure!(tags == all, "the list of tags is {tags:?}, not {all:?}");
            Ok(())
        };
        self.case("list/all", check).await;
        let check = async {
            let first = self.repo.tags("?n=1").await?;
            ensure!(first == all[..1], "the first tag is {first:?} of {all:?}");
            Ok(())
        };
        self.case("list/first", check).await;
        let check = async {
            let rest = self.repo.tags(&format!("?last={}", all[0])).await?;
            ensure!(
                rest == all[1..],
                "after {} come {rest:?} of {all:?}",
                all[0]
            );
            Ok(())
        };
        self.case("list/last", check).await;
    }

    async fn read(&self, method: &str) {
        let is_head = method == "head";
        for (tag, place) in &self.content.tags {
            let document = &self.content.documents[*place];
            self.case(&format!("{method}/tag/{tag}"), async {
                if is_head {
                    self.repo.head_manifest(tag, document).await
                } else {
                    self.repo.get_manifest(tag, document).await
                }
            })
            .await;
        }
        for document in &self.content.documents {
            let digest = document.digest.as_str();
            self.case(&format!("{method}/manifest/{}", document.name), async {
                if is_head {
                    self.repo.head_manifest(digest, document).await
                } else {
                    self.repo.get_manifest(digest, document).await
                }
            })
            .await;
        }
        for (name, blob) in &self.content.blobs {
            self.case(&format!("{method}/blob/{name}"), async {
                if is_head {
                    self.repo.head_blob(blob).await
                } else {
                    self.repo.get_blob(blob).await
                }
            })
            .await;
        }
    }

    async fn refer(&self) {
        for (subject, referrers) in self.content.subjects() {
            self.case("referrers/all", self.lists(&subject, &referrers))
                .await;
            let mut kinds: Vec<&str> = Vec::new();
            for kind in referrers
                .iter()
                .filter_map(|one| one["artifactType"].as_str())
            {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            kinds.push("application/vnd.example.nobody");
            for kind in kinds {
                let short = kind.trim_start_matches("application/vnd.");
                let step = format!("referrers/filter/{short}");
                self.case(&step, self.filters(&subject, &referrers, kind))
                    .await;
            }
        }
    }

    async fn lists(&self, subject: &Digest, referrers: &[Value]) -> Verdict {
        let (found, _) = self.repo.referrers(subject, "").await?;
        same(&found, referrers)
    }

    async fn filters(&self, subject: &Digest, referrers: &[Value], kind: &str) -> Verdict {
        let escaped = kind.replace('+', "%2B");
        let query = format!("?artifactType={escaped}");
        let (found, answer) = self.repo.referrers(subject, &query).await?;
        let applied = answer.listed("oci-filters-applied");
        let expected = ["artifactType"];
        ensure!(
            applied == expected,
            "{answer} with OCI-Filters-Applied: {applied:?}, not {expected:?}"
        );
        let of_kind = referrers.iter().filter(|one| one["artifactType"] == kind);
        same(&found, &of_kind.cloned().collect::<Vec<_>>())
    }

    async fn delete(&self) {
        for (tag, place) in &self.content.tags {
            let (delete, gone) = (
                self.repo.delete_manifest(tag),
                self.repo.has_no_manifest(tag),
            );
            self.vanishes(&format!("tag/{tag}"), delete, gone).await;
            let document = &self.content.documents[*place];
            let still = self.repo.head_manifest(document.digest.as_str(), document);
            self.case(&format!("kept-without-tag/{tag}"), still).await;
        }
        for document in self.content.documents.iter().rev() {
            let digest = document.digest.as_str();
            let (delete, gone) = (
                self.repo.delete_manifest(digest),
                self.repo.has_no_manifest(digest),
            );
            self.vanishes(&format!("manifest/{}", document.name), delete, gone)
                .await;
        }
        for (subject, _) in self.content.subjects() {
            self.case("gone/referrers", self.lists(&subject, &[])).await;
        }
        for (name, blob) in &self.content.blobs {
            let (delete, gone) = (
                self.repo.delete_blob(&blob.digest),
                self.repo.has_no_blob(&blob.digest),
            );
            self.vanishes(&format!("blob/{name}"), delete, gone).await;
        }
    }

    /// Something is deleted, and gone at once.
    async fn vanishes(
        &self,
        what: &str,
        delete: impl Future<Output = Verdict>,
        gone: impl Future<Output = Verdict>,
    ) {
        let deleted = self.case(&format!("delete/{what}"), delete).await;
        let check = async {
            match deleted {
                Outcome::Skipped(_) => Err(Stop::skipped("it was not deleted")),
                Outcome::Passed | Outcome::Failed(_) => gone.await,
            }
        };
        self.case(&format!("gone/{what}"), check).await;
    }
}

/// The same descriptors, in whatever order, and nothing left out of any.
pub(super) fn same(found: &[Value], expected: &[Value]) -> Verdict {
    for one in expected {
        let like = found.iter().find(|other| other["digest"] == one["digest"]);
        let like = like.cloned().unwrap_or_default();
        let differs = ["mediaType", "size", "artifactType", "annotations"]
            .iter()
            .find(|key| like[**key] != one[**key]);
        if let Some(key) = differs {
            ensure!(
                false,
                "the list of referrers has for {} the {key} {}, not {}",
                one["digest"],
                like[*key],
                one[*key]
            );
        }
    }
    ensure!(
        found.len() == expected.len(),
        "the list of referrers has {} entries, not {}",
        found.len(),
        expected.len()
    );
    Ok(())
}
