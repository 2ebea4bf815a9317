//! One repository in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use forebay_oci::{Digest, RepositoryName, Tag};

use crate::catalog::ChildKind;
use crate::clock::Timestamp;
use crate::hosted::{
    Committed, DropGuard, Dropped, HostedBlob, HostedChild, HostedEntry, HostedManifest,
    HostedRepository, MAX_REFERRERS_BYTES, ManifestPush, Referrer, ReferrersOf, RepositorySettings,
    TagBounds, TagHolder,
};
use crate::tag_names::TagNames;

/// After which digest.
type Range<'d> = (Bound<&'d Digest>, Bound<&'d Digest>);

/// What a repository holds.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) settings: RepositorySettings,
    created_at: Timestamp,
    blobs: BTreeMap<Digest, Blob>,
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<Tag, Digest>,
}

#[derive(Debug)]
struct Blob {
    size: u64,
    noted_at: Timestamp,
}

#[derive(Debug)]
struct Manifest {
    push: ManifestPush,
    pulled_at: Option<Timestamp>,
    is_pinned: bool,
}

impl Repository {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            settings: RepositorySettings::default(),
            created_at: at,
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    pub(super) fn told(&self, name: &RepositoryName) -> HostedRepository {
        HostedRepository {
            name: name.clone(),
            created_at: self.created_at,
            bytes: self.bytes(),
            manifests: self.manifests.len() as u64,
            tags: self.tags.len() as u64,
            settings: self.settings.clone(),
        }
    }

    pub(super) fn find_tag(&self, tag: &Tag) -> Option<HostedManifest> {
        self.find_manifest(self.tags.get(tag)?)
    }

    pub(super) fn find_manifest(&self, digest: &Digest) -> Option<HostedManifest> {
        let found = self.manifests.get(digest)?;
        Some(found.push.manifest.clone())
    }

    pub(super) fn find_blob(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|blob| blob.size)
    }

    pub(super) fn find_entry(&self, digest: &Digest) -> Option<HostedEntry> {
        self.manifests.get(digest).map(|found| self.entry(found))
    }

    pub(super) fn holds(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest) || self.manifests.contains_key(digest)
    }

    /// Blobs and manifests with their sizes.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&Digest, u64)> {
        let blobs = self.blobs.iter().map(|(digest, blob)| (digest, blob.size));
        let manifests = self.manifests.values();
        let manifests = manifests.map(|of| (&of.push.manifest.digest, of.push.manifest.size));
        blobs.chain(manifests)
    }

    pub(super) fn tags_after(&self, after: Option<&str>, limit: usize) -> TagNames {
        let tags = self.tags.keys();
        tags.filter(|tag| after.is_none_or(|after| tag.as_str() > after))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn entries_after(&self, range: Range<'_>, limit: usize) -> Vec<HostedEntry> {
        let manifests = self.manifests.range(range).take(limit);
        manifests.map(|(_, found)| self.entry(found)).collect()
    }

    pub(super) fn parents_after(
        &self,
        (child, kind): (&Digest, ChildKind),
        range: Range<'_>,
        limit: usize,
    ) -> Vec<HostedEntry> {
        let is_meant = |of: &HostedChild| of.kind == kind && of.digest == *child;
        let manifests = self.manifests.range(range);
        let parents = manifests.filter(|(_, found)| found.push.children.iter().any(is_meant));
        parents
            .take(limit)
            .map(|(_, found)| self.entry(found))
            .collect()
    }

    pub(super) fn absent_blobs(&self, manifest: &Digest, limit: usize) -> Vec<Digest> {
        let children = self
            .manifests
            .get(manifest)
            .map(|found| &found.push.children);
        let blobs = children.into_iter().flatten();
        let blobs = blobs.filter(|child| child.kind == ChildKind::Blob && !self.has(child));
        let absent: BTreeSet<Digest> = blobs.map(|child| child.digest.clone()).collect();
        absent.into_iter().take(limit).collect()
    }

    pub(super) fn referrers_after(
        &self,
        of: &ReferrersOf,
        range: Range<'_>,
        limit: usize,
    ) -> Vec<Referrer> {
        let is_meant = |push: &&ManifestPush| {
            let is_of_type = of.artifact_type.is_none() || of.artifact_type == push.artifact_type;
            push.subject.as_ref() == Some(&of.subject) && is_of_type
        };
        let pushes = self.manifests.range(range).map(|(_, found)| &found.push);
        let mut before: Option<usize> = None;
        let fits = |push: &&ManifestPush| {
            let own = push.annotations.as_ref().map_or(0, String::len);
            let is_first = before.is_none();
            let with_it = before.unwrap_or_default() + own;
            before = Some(with_it);
            is_first || with_it <= MAX_REFERRERS_BYTES
        };
        let told = |push: &ManifestPush| Referrer {
            manifest: push.manifest.clone(),
            artifact_type: push.artifact_type.clone(),
            annotations: push.annotations.clone(),
        };
        pushes
            .filter(is_meant)
            .take(limit)
            .take_while(fits)
            .map(told)
            .collect()
    }

    pub(super) fn commit_blob(&mut self, blob: &HostedBlob, at: Timestamp) -> Committed {
        if let Some(held) = self.blobs.get_mut(&blob.digest) {
            held.noted_at = held.noted_at.max(at);
            return Committed::Done;
        }
        if let Some(refused) = self.over_quota(blob.size, blob.quota_bytes) {
            return refused;
        }
        let held = Blob {
            size: blob.size,
            noted_at: at,
        };
        self.blobs.insert(blob.digest.clone(), held);
        if self.is_child(&blob.digest, ChildKind::Blob) {
            Committed::Completed
        } else {
            Committed::Done
        }
    }

    pub(super) fn commit_manifest(&mut self, push: &ManifestPush) -> Committed {
        if let Some(refused) = self.refusal(push) {
            return refused;
        }
        let digest = &push.manifest.digest;
        let before = self.manifests.remove(digest);
        let mut push = push.clone();
        if let Some(before) = &before {
            push.at = push.at.max(before.push.at);
        }
        for tag in &push.tags {
            self.tags.insert(tag.clone(), digest.clone());
        }
        let manifest = Manifest {
            push,
            pulled_at: before.as_ref().and_then(|before| before.pulled_at),
            is_pinned: before.is_some_and(|before| before.is_pinned),
        };
        self.manifests.insert(digest.clone(), manifest);
        Committed::Done
    }

    pub(super) fn drop_tag(&mut self, tag: &Tag) -> Dropped {
        self.tags.remove(tag).map_or(Dropped::Absent, Dropped::Done)
    }

    pub(super) fn drop_manifest(&mut self, digest: &Digest, guard: &DropGuard) -> Dropped {
        let Some(entry) = self.find_entry(digest) else {
            return Dropped::Absent;
        };
        let mut tags = entry.tags.into_iter();
        if let Some(tag) = tags.find(|tag| !guard.known_tags.contains(tag)) {
            return Dropped::Tagged(tag);
        }
        let is_spared =
            (guard.spares_pinned && entry.is_pinned) || (guard.spares_children && entry.is_child);
        if is_spared {
            return Dropped::InUse;
        }
        self.tags.retain(|_, target| target != digest);
        if let Some(gone) = self.manifests.remove(digest) {
            self.let_go(&gone.push.children, guard.at);
        }
        Dropped::Done(digest.clone())
    }

    pub(super) fn drop_blob(&mut self, digest: &Digest) -> Dropped {
        if !self.blobs.contains_key(digest) {
            return Dropped::Absent;
        }
        if self.is_child(digest, ChildKind::Blob) {
            return Dropped::InUse;
        }
        self.blobs.remove(digest);
        Dropped::Done(digest.clone())
    }

    pub(super) fn note_pull(&mut self, digest: &Digest, at: Timestamp) {
        if let Some(manifest) = self.manifests.get_mut(digest) {
            manifest.pulled_at = manifest.pulled_at.max(Some(at));
        }
    }

    pub(super) fn pin(&mut self, digest: &Digest, is_pinned: bool) -> bool {
        let found = self.manifests.get_mut(digest);
        found
            .map(|manifest| manifest.is_pinned = is_pinned)
            .is_some()
    }

    /// Tells how many it forgot.
    pub(super) fn unlink_unused(&mut self, before: Timestamp, limit: usize) -> usize {
        let is_unused = |(digest, blob): &(&Digest, &Blob)| {
            blob.noted_at < before && !self.is_child(digest, ChildKind::Blob)
        };
        let blobs = self.blobs.iter().filter(is_unused).take(limit);
        let unused: Vec<Digest> = blobs.map(|(digest, _)| digest.clone()).collect();
        for digest in &unused {
            self.blobs.remove(digest);
        }
        unused.len()
    }

    fn refusal(&self, push: &ManifestPush) -> Option<Committed> {
        let required = push.children.iter().filter(|child| child.is_required);
        let missing: Vec<Digest> = required
            .filter(|child| !self.has(child))
            .map(|child| child.digest.clone())
            .collect();
        if !missing.is_empty() {
            return Some(Committed::Missing(missing));
        }
        let digest = &push.manifest.digest;
        let is_elsewhere = |tag: &&Tag| self.tags.get(*tag).is_some_and(|to| to != digest);
        if let Some(tag) = push.immutable_tags.iter().find(is_elsewhere) {
            return Some(Committed::Immutable(tag.clone()));
        }
        if let Some(bounds) = push.tag_bounds
            && let Some(refused) = self.too_many_tags(push, bounds)
        {
            return Some(refused);
        }
        let is_held = self.manifests.contains_key(digest);
        let added = if is_held { 0 } else { push.manifest.size };
        self.over_quota(added, push.quota_bytes)
    }

    fn too_many_tags(&self, push: &ManifestPush, bounds: TagBounds) -> Option<Committed> {
        let digest = &push.manifest.digest;
        let tags: BTreeSet<&Tag> = push.tags.iter().collect();
        let count = |is_meant: &dyn Fn(Option<&Digest>) -> bool| {
            let added = tags.iter().filter(|tag| !is_meant(self.tags.get(**tag)));
            let there = self.tags.values().filter(|target| is_meant(Some(target)));
            (there.count() as u64, added.count() as u64)
        };
        let of_manifest = count(&|target| target == Some(digest));
        let of_repository = count(&|target| target.is_some());
        [
            (TagHolder::Manifest, of_manifest, bounds.of_manifest),
            (TagHolder::Repository, of_repository, bounds.of_repository),
        ]
        .into_iter()
        .find(|(_, (there, added), most)| *added > 0 && there + added > *most)
        .map(|(of, _, most)| Committed::TooManyTags { of, most })
    }

    fn over_quota(&self, added: u64, quota: Option<u64>) -> Option<Committed> {
        let wanted = self.bytes().saturating_add(added);
        let quota = quota.filter(|quota| added > 0 && wanted > *quota)?;
        Some(Committed::OverQuota { wanted, quota })
    }

    fn bytes(&self) -> u64 {
        self.objects().map(|(_, size)| size).sum()
    }

    fn has(&self, child: &HostedChild) -> bool {
        match child.kind {
            ChildKind::Blob => self.blobs.contains_key(&child.digest),
            ChildKind::Manifest => self.manifests.contains_key(&child.digest),
        }
    }

    fn is_child(&self, digest: &Digest, kind: ChildKind) -> bool {
        let is_meant = |child: &HostedChild| child.kind == kind && child.digest == *digest;
        let mut manifests = self.manifests.values();
        manifests.any(|manifest| manifest.push.children.iter().any(is_meant))
    }

    /// From `at` on the blobs are unused that no manifest refers to any more.
    fn let_go(&mut self, children: &[HostedChild], at: Timestamp) {
        for child in children
            .iter()
            .filter(|child| child.kind == ChildKind::Blob)
        {
            if !self.is_child(&child.digest, ChildKind::Blob)
                && let Some(blob) = self.blobs.get_mut(&child.digest)
            {
                blob.noted_at = blob.noted_at.max(at);
            }
        }
    }

    fn entry(&self, manifest: &Manifest) -> HostedEntry {
        let digest = &manifest.push.manifest.digest;
        let tags = self.tags.iter().filter(|(_, target)| *target == digest);
        let subject = manifest.push.subject.clone();
        HostedEntry {
            manifest: manifest.push.manifest.clone(),
            tags: tags.map(|(tag, _)| tag.clone()).collect(),
            pushed_at: manifest.push.at,
            pulled_at: manifest.pulled_at,
            is_pinned: manifest.is_pinned,
            is_child: self.is_child(digest, ChildKind::Manifest),
            subject: subject.filter(|subject| self.manifests.contains_key(subject)),
        }
    }
}
