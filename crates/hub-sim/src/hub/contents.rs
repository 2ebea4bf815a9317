//! What a running hub holds: pushed, moved, deleted and compared with by tests.

use super::Hub;
use crate::blob::Blob;
use crate::image::Image;
use crate::manifest::Manifest;
use crate::store::split_reference;

/// What it holds.
impl Hub {
    /// Pushes an image under `name:tag`, moving the tag. Returns the new digest.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a story hands its images over"
    )]
    pub fn push(&self, reference: &str, image: Image) -> String {
        self.state.inner().store.push(reference, &image)
    }

    /// Pushes an artifact that refers to what `reference` names. Returns the artifact's digest.
    ///
    /// # Panics
    /// When there is no such manifest.
    #[expect(
        clippy::expect_used,
        reason = "the story names an image that it did not push"
    )]
    pub fn attach(&self, reference: &str, artifact: Image) -> String {
        let attached = self.state.inner().store.attach(reference, artifact);
        attached.expect("a referrer's subject was pushed before it")
    }

    /// Points a tag at a manifest that the repository holds.
    pub fn retag(&self, reference: &str, digest: &str) {
        let (name, tag) = split_reference(reference);
        let mut inner = self.state.inner();
        let tags = &mut inner.store.entry(name).tags;
        tags.insert(tag.to_owned(), digest.to_owned());
    }

    /// Deletes a tag (`name:tag`), or a manifest and its tags (`name@digest`).
    pub fn delete(&self, reference: &str) {
        let (name, tag_or_digest) = split_reference(reference);
        self.state.inner().store.entry(name).delete(tag_or_digest);
    }

    /// Takes a blob out of a repository.
    pub fn delete_blob(&self, repository: &str, digest: &str) {
        self.state.inner().store.entry(repository).drop_blob(digest);
    }

    /// Deletes a repository with all it holds.
    pub fn delete_repository(&self, name: &str) {
        self.state.inner().store.remove(name);
    }

    /// Lets only these accounts read a repository, at once, whatever tokens are about.
    pub fn make_private(&self, repository: &str, readers: &[&str]) {
        let readers = readers.iter().map(|&name| name.to_owned()).collect();
        self.state.inner().store.entry(repository).readers = Some(readers);
    }

    /// Lets everybody read a repository.
    pub fn make_public(&self, repository: &str) {
        self.state.inner().store.entry(repository).readers = None;
    }

    /// The digest that `name:tag` names now.
    ///
    /// # Panics
    /// When there is no such manifest.
    pub fn digest(&self, reference: &str) -> String {
        self.manifest(reference).digest().to_owned()
    }

    /// The manifest that `name:tag` or `name@digest` names now.
    ///
    /// # Panics
    /// When there is none.
    #[expect(
        clippy::expect_used,
        reason = "the story names an image that it did not push"
    )]
    pub fn manifest(&self, reference: &str) -> Manifest {
        self.find_manifest(reference)
            .expect("the manifest was pushed")
    }

    /// The manifest that `name:tag` or `name@digest` names now, if there is one.
    pub fn find_manifest(&self, reference: &str) -> Option<Manifest> {
        let found = self.state.inner().store.find_manifest(reference)?;
        Some(Manifest::clone(&found))
    }

    /// The manifests that an index lists, in its order.
    pub fn children(&self, reference: &str) -> Vec<Manifest> {
        let (name, _) = split_reference(reference);
        let root = self.manifest(reference);
        let child = |digest: &String| self.find_manifest(&format!("{name}@{digest}"));
        root.parts.iter().filter_map(child).collect()
    }

    /// The manifest of one platform of an index.
    ///
    /// # Panics
    /// When the index has no such platform.
    #[expect(
        clippy::expect_used,
        reason = "the story names a platform that it did not push"
    )]
    pub fn child(&self, reference: &str, platform: &str) -> Manifest {
        let mut children = self.children(reference).into_iter();
        children
            .find(|child| child.platform() == Some(platform))
            .expect("the index lists the platform")
    }

    /// The blobs of what `name:tag` names: the config first, then the layers; of an index those of every child.
    pub fn blobs(&self, reference: &str) -> Vec<Blob> {
        let (name, _) = split_reference(reference);
        let mut manifests = self.children(reference);
        manifests.push(self.manifest(reference));
        let inner = self.state.inner();
        let Some(repository) = inner.store.find(name) else {
            return Vec::new();
        };
        let digests = manifests.iter().flat_map(|manifest| &manifest.parts);
        digests
            .filter_map(|digest| repository.find_blob(digest))
            .map(|blob| Blob::clone(&blob))
            .collect()
    }

    /// The layers of what `name:tag` names; of an index those of every child.
    pub fn layers(&self, reference: &str) -> Vec<Blob> {
        let mut blobs = self.blobs(reference);
        blobs.retain(|blob| !blob.media_type().ends_with("json"));
        blobs
    }
}
