//! The repositories: tags, manifests, blobs and who may read them.
//!
//! Knows no HTTP, no limits and no tokens.

use crate::assemble::assemble;
use crate::blob::Blob;
use crate::image::Image;
use crate::manifest::{Manifest, index_of};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The repository that answers every metered question and holds nothing worth having (hub-facts, section 6).
pub(crate) const PREVIEW: &str = "ratelimitpreview/test";
/// The repository whose every answer is the pull limit.
pub(crate) const ALWAYS_LIMITED: &str = "ratelimitalways/test";

/// All repositories by name.
#[derive(Debug, Default)]
pub(crate) struct Store {
    repositories: BTreeMap<String, Repository>,
    /// Whether an artifact's subject also gets a fallback tag, because there is no referrers API.
    pub(crate) fallback_tags: bool,
}

/// One repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) tags: BTreeMap<String, String>,
    manifests: HashMap<String, Arc<Manifest>>,
    /// Digests in the order in which they were pushed, for lists of referrers.
    order: Vec<String>,
    blobs: HashMap<String, Arc<Blob>>,
    /// Who may read it; `None` is everyone.
    pub(crate) readers: Option<Vec<String>>,
    /// Not counted and answered without limit headers: a verified publisher's or sponsored image.
    pub(crate) unmetered: bool,
    pushes: HashMap<String, u64>,
}

impl Store {
    pub(crate) fn find(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    pub(crate) fn entry(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.repositories.remove(name);
    }

    /// The blob that any repository holds under this digest: what the blob host serves from.
    pub(crate) fn find_blob(&self, digest: &str) -> Option<Arc<Blob>> {
        self.repositories
            .values()
            .find_map(|repository| repository.blobs.get(digest).cloned())
    }

    /// Pushes an image under `name:tag`, moving the tag. Returns the root's digest.
    pub(crate) fn push(&mut self, reference: &str, image: &Image) -> String {
        let (name, tag) = split_reference(reference);
        let repository = self.entry(name);
        let pushes = repository.pushes.entry(tag.to_owned()).or_default();
        let salt = format!("{name}:{tag}#{pushes}");
        *pushes += 1;
        let digest = repository.add(image, &salt);
        repository.tags.insert(tag.to_owned(), digest.clone());
        digest
    }

    /// Pushes an untagged artifact that refers to what `reference` names now. Returns the artifact's digest.
    pub(crate) fn attach(&mut self, reference: &str, artifact: Image) -> Option<String> {
        let subject = self.find_manifest(reference)?.digest.clone();
        let (name, _) = split_reference(reference);
        let fallback = self.fallback_tags;
        let repository = self.entry(name);
        let salt = format!("{name}#{}", repository.order.len());
        let digest = repository.add(&artifact.subject(&subject), &salt);
        if fallback {
            let index = index_of(&repository.referrers(&subject, None));
            let tag = subject.replace(':', "-");
            repository.tags.insert(tag, index.digest.clone());
            repository.keep(index);
        }
        Some(digest)
    }

    /// What `name:tag` or `name@digest` names.
    pub(crate) fn find_manifest(&self, reference: &str) -> Option<Arc<Manifest>> {
        let (name, tag_or_digest) = split_reference(reference);
        self.find(name)?.find_manifest(tag_or_digest)
    }
}

// === impl Repository ===

impl Repository {
    pub(crate) fn find_manifest(&self, tag_or_digest: &str) -> Option<Arc<Manifest>> {
        let digest = self
            .tags
            .get(tag_or_digest)
            .map_or(tag_or_digest, String::as_str);
        self.manifests.get(digest).cloned()
    }

    pub(crate) fn find_blob(&self, digest: &str) -> Option<Arc<Blob>> {
        self.blobs.get(digest).cloned()
    }

    /// Descriptors of the manifests whose subject is `digest`, of one artifact type if asked.
    pub(crate) fn referrers(&self, digest: &str, kind: Option<&str>) -> Vec<serde_json::Value> {
        let all = self
            .order
            .iter()
            .filter_map(|digest| self.manifests.get(digest));
        all.filter(|manifest| manifest.subject.as_deref() == Some(digest))
            .filter(|manifest| kind.is_none() || manifest.artifact_type.as_deref() == kind)
            .map(|manifest| manifest.descriptor())
            .collect()
    }

    /// Takes a tag, or a manifest named by digest with all its tags, away.
    pub(crate) fn delete(&mut self, tag_or_digest: &str) {
        if self.tags.remove(tag_or_digest).is_none() {
            self.manifests.remove(tag_or_digest);
            self.tags.retain(|_, digest| digest != tag_or_digest);
        }
    }

    pub(crate) fn drop_blob(&mut self, digest: &str) {
        self.blobs.remove(digest);
    }

    fn add(&mut self, image: &Image, salt: &str) -> String {
        let made = assemble(image, salt);
        let digest = made.root.digest.clone();
        for blob in made.blobs {
            self.blobs.insert(blob.digest().to_owned(), Arc::new(blob));
        }
        for manifest in made.children.into_iter().chain([made.root]) {
            self.keep(manifest);
        }
        digest
    }

    fn keep(&mut self, manifest: Manifest) {
        if !self.manifests.contains_key(&manifest.digest) {
            self.order.push(manifest.digest.clone());
        }
        self.manifests
            .insert(manifest.digest.clone(), Arc::new(manifest));
    }
}

/// `name:tag`, `name@digest` or `name` (meaning `latest`) in two parts.
pub(crate) fn split_reference(reference: &str) -> (&str, &str) {
    reference
        .split_once('@')
        .or_else(|| reference.rsplit_once(':'))
        .unwrap_or((reference, "latest"))
}

#[cfg(test)]
mod tests {
    use super::{Store, split_reference};
    use crate::image::Image;

    #[test]
    fn a_reference_splits_into_name_and_tag_or_digest() {
        assert_eq!(split_reference("library/nginx:1"), ("library/nginx", "1"));
        assert_eq!(
            split_reference("library/nginx"),
            ("library/nginx", "latest")
        );
        assert_eq!(split_reference("a/b@sha256:00"), ("a/b", "sha256:00"));
    }

    #[test]
    fn a_second_push_moves_the_tag_and_keeps_the_old_manifest() {
        let mut store = Store::default();
        let first = store.push("a/b:1", &Image::small());
        let second = store.push("a/b:1", &Image::small());
        assert_ne!(first, second);
        assert_eq!(store.find_manifest("a/b:1").unwrap().digest, second);
        assert!(store.find_manifest(&format!("a/b@{first}")).is_some());
    }

    #[test]
    fn a_referrer_is_listed_by_subject_and_type_and_under_the_fallback_tag() {
        let mut store = Store {
            fallback_tags: true,
            ..Store::default()
        };
        let subject = store.push("a/b:1", &Image::small());
        let artifact = store.attach("a/b:1", Image::artifact("text/sbom")).unwrap();
        let repository = store.find("a/b").unwrap();
        assert_eq!(
            repository.referrers(&subject, Some("text/sbom"))[0]["digest"],
            artifact
        );
        assert!(repository.referrers(&subject, Some("other")).is_empty());
        assert!(repository.tags.contains_key(&subject.replace(':', "-")));
    }
}
