//! What one client has in one repository, as far as that was acknowledged: the model by which answers are judged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::digest::Digest;
use crate::document::Document;
use crate::noise::Blob;
use crate::repository::Repository;

/// How many of those that are gone are looked for again later.
const REMEMBERED: usize = 64;

/// An image that was pushed.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) document: Document,
    /// Its configuration and layers.
    pub(super) blobs: Vec<Arc<Blob>>,
}

/// One client's part of a repository.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) repository: Repository,
    /// In the order in which they were pushed.
    pub(super) images: Vec<Arc<Image>>,
    pub(super) tags: BTreeMap<String, Arc<Image>>,
    /// Tags and digests of manifests that are gone for good.
    pub(super) gone: VecDeque<String>,
    /// All blobs that were ever pushed here.
    pub(super) pushed: BTreeMap<String, Digest>,
}

impl Shelf {
    pub(super) fn new(repository: Repository) -> Self {
        Self {
            repository,
            images: Vec::new(),
            tags: BTreeMap::new(),
            gone: VecDeque::new(),
            pushed: BTreeMap::new(),
        }
    }

    /// The image is there, under this tag.
    pub(super) fn put(&mut self, tag: &str, image: &Arc<Image>) {
        self.images.push(Arc::clone(image));
        self.tags.insert(tag.to_owned(), Arc::clone(image));
        self.gone.retain(|gone| gone != tag);
    }

    /// The tag is gone; what it named stays.
    pub(super) fn untag(&mut self, tag: &str) {
        self.tags.remove(tag);
        self.note_gone(tag.to_owned());
    }

    /// The manifest is gone with all its tags.
    pub(super) fn drop_image(&mut self, image: &Arc<Image>) {
        self.images.retain(|held| !Arc::ptr_eq(held, image));
        for tag in self.tags_of(image) {
            self.untag(&tag);
        }
        self.note_gone(image.document.digest.to_string());
    }

    pub(super) fn tags_of(&self, image: &Arc<Image>) -> Vec<String> {
        let named = self.tags.iter();
        let named = named.filter(|(_, held)| Arc::ptr_eq(held, image));
        named.map(|(tag, _)| tag.clone()).collect()
    }

    /// Whether one of these images needs the blob.
    pub(super) fn needs(images: &[Arc<Image>], digest: &Digest) -> bool {
        let mut blobs = images.iter().flat_map(|image| &image.blobs);
        blobs.any(|blob| blob.digest == *digest)
    }

    /// Manifests and blobs that are held here.
    pub(super) fn held(&self) -> BTreeSet<String> {
        let digests = self.images.iter().flat_map(|image| {
            let blobs = image.blobs.iter().map(|blob| blob.digest.to_string());
            blobs.chain([image.document.digest.to_string()])
        });
        digests.collect()
    }

    fn note_gone(&mut self, reference: String) {
        if self.gone.len() >= REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back(reference);
    }
}
