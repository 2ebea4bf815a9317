//! A catalog in memory.
//!
//! One lock over plain maps: each act takes it once, which makes the act a transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use forebay_oci::{Digest, Tag, Target, UpstreamName};

use crate::catalog::{
    CatalogError, ChildKind, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests,
    Object, Objects, Tags, Unused, Usage,
};
use crate::clock::Timestamp;
use crate::lock::lock;

/// The most pages of lists that are kept; the oldest go.
const MAX_LISTS: usize = 1_000;

/// Keeps the catalog in memory.
#[derive(Debug, Default)]
pub struct MemoryCatalog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tags: HashMap<(Target, Tag), KeptTag>,
    manifests: HashMap<Digest, KeptManifest>,
    /// By digest, so that evicting finds all of its links; with the time of the last grant.
    links: HashMap<Digest, HashMap<Target, Timestamp>>,
    /// In the order of `objects_after`; derived order of digests is that of their texts.
    objects: BTreeMap<Digest, Object>,
    lists: HashMap<(Target, ListKey), KeptList>,
}

// === impl MemoryCatalog ===

impl MemoryCatalog {
    /// An empty catalog.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No act below can panic half-way through a change, so a poisoned state is still a whole one.
        lock(&self.state)
    }
}

#[async_trait]
impl Tags for MemoryCatalog {
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError> {
        let key = (target.clone(), tag.clone());
        Ok(self.state().tags.get(&key).cloned())
    }

    async fn keep_tag(
        &self,
        target: &Target,
        tag: &Tag,
        kept: &KeptTag,
    ) -> Result<(), CatalogError> {
        let key = (target.clone(), tag.clone());
        self.state().tags.insert(key, kept.clone());
        Ok(())
    }

    async fn drop_tag(&self, target: &Target, tag: &Tag) -> Result<(), CatalogError> {
        let key = (target.clone(), tag.clone());
        self.state().tags.remove(&key);
        Ok(())
    }
}

#[async_trait]
impl Manifests for MemoryCatalog {
    async fn find_manifest(&self, digest: &Digest) -> Result<Option<KeptManifest>, CatalogError> {
        Ok(self.state().manifests.get(digest).cloned())
    }

    async fn keep_manifest(
        &self,
        target: Option<&Target>,
        manifest: &KeptManifest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.keep_object(&Object {
            digest: manifest.digest.clone(),
            size: manifest.size,
            used_at: at,
        });
        state
            .manifests
            .insert(manifest.digest.clone(), manifest.clone());
        if let Some(target) = target {
            state.link(target, &manifest.digest, at);
        }
        Ok(())
    }
}

#[async_trait]
impl Links for MemoryCatalog {
    async fn is_linked(&self, target: &Target, digest: &Digest) -> Result<bool, CatalogError> {
        let state = self.state();
        Ok(state
            .links
            .get(digest)
            .is_some_and(|targets| targets.contains_key(target)))
    }

    async fn suppliers(&self, digest: &Digest) -> Result<Option<Vec<UpstreamName>>, CatalogError> {
        let state = self.state();
        let targets = state.links.get(digest).into_iter().flat_map(HashMap::keys);
        let upstreams: BTreeSet<_> = targets.map(|target| Arc::clone(&target.upstream)).collect();
        let is_at_rest = state.objects.contains_key(digest);
        Ok(is_at_rest.then(|| upstreams.into_iter().collect()))
    }

    async fn link(
        &self,
        target: &Target,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        self.state().link(target, digest, at);
        Ok(())
    }
}

#[async_trait]
impl Objects for MemoryCatalog {
    async fn keep_object(
        &self,
        target: Option<&Target>,
        object: &Object,
    ) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.keep_object(object);
        if let Some(target) = target {
            state.link(target, &object.digest, object.used_at);
        }
        Ok(())
    }

    async fn touch(&self, used: &[(Digest, Timestamp)]) -> Result<(), CatalogError> {
        let mut state = self.state();
        for (digest, at) in used {
            if let Some(object) = state.objects.get_mut(digest) {
                object.used_at = object.used_at.max(*at);
            }
        }
        Ok(())
    }

    async fn coldest(&self, limit: u32) -> Result<Vec<Object>, CatalogError> {
        let mut objects: Vec<Object> = self.state().objects.values().cloned().collect();
        objects.sort_by_key(|object| object.used_at);
        objects.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(objects)
    }

    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        Ok(self.state().evict(digests))
    }

    async fn objects_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Object>, CatalogError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        Ok(state
            .objects
            .range((from, Bound::Unbounded))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(_, object)| object.clone())
            .collect())
    }

    async fn usage(&self) -> Result<Usage, CatalogError> {
        let state = self.state();
        Ok(Usage {
            objects: state.objects.len() as u64,
            bytes: state
                .objects
                .values()
                .fold(0, |bytes, object| bytes.saturating_add(object.size)),
        })
    }
}

#[async_trait]
impl Unused for MemoryCatalog {
    async fn forget_unused(&self, before: Timestamp, limit: u32) -> Result<(), CatalogError> {
        self.state().forget_unused(before, limit);
        Ok(())
    }
}

#[async_trait]
impl Lists for MemoryCatalog {
    async fn find_list(
        &self,
        target: &Target,
        key: &ListKey,
    ) -> Result<Option<KeptList>, CatalogError> {
        let key = (target.clone(), key.clone());
        Ok(self.state().lists.get(&key).cloned())
    }

    async fn keep_list(
        &self,
        target: &Target,
        key: &ListKey,
        list: &KeptList,
    ) -> Result<(), CatalogError> {
        let mut state = self.state();
        state
            .lists
            .insert((target.clone(), key.clone()), list.clone());
        if state.lists.len() > MAX_LISTS {
            state.drop_oldest_list();
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    fn keep_object(&mut self, object: &Object) {
        let kept = self
            .objects
            .entry(object.digest.clone())
            .or_insert_with(|| object.clone());
        kept.size = object.size;
        kept.used_at = kept.used_at.max(object.used_at);
    }

    fn link(&mut self, target: &Target, digest: &Digest, at: Timestamp) {
        let targets = self.links.entry(digest.clone()).or_default();
        let linked_at = targets.entry(target.clone()).or_insert(at);
        *linked_at = at.max(*linked_at);
    }

    fn forget_unused(&mut self, before: Timestamp, limit: u32) {
        let mut left = limit;
        self.tags.retain(|_, tag| {
            let is_unused =
                tag.checked_at < before && !self.manifests.contains_key(&tag.digest) && left > 0;
            left -= u32::from(is_unused);
            !is_unused
        });
        let mut left = limit;
        for (digest, targets) in &mut self.links {
            let is_at_rest = self.objects.contains_key(digest);
            targets.retain(|_, linked_at| {
                let is_unused = *linked_at < before && !is_at_rest && left > 0;
                left -= u32::from(is_unused);
                !is_unused
            });
        }
        self.links.retain(|_, targets| !targets.is_empty());
    }

    fn evict(&mut self, digests: &[Digest]) -> Vec<Digest> {
        let mut waiting = digests.to_vec();
        let mut forgotten = Vec::new();
        while let Some(digest) = waiting.pop() {
            self.manifests.remove(&digest);
            self.links.remove(&digest);
            if self.objects.remove(&digest).is_some() {
                forgotten.push(digest.clone());
            }
            waiting.extend(self.claimants_of(&digest));
        }
        forgotten
    }

    /// The manifests that refer to `digest` as a blob.
    fn claimants_of(&self, digest: &Digest) -> Vec<Digest> {
        let claims = |manifest: &&KeptManifest| {
            let mut children = manifest.children.iter();
            children.any(|child| child.kind == ChildKind::Blob && child.digest == *digest)
        };
        self.manifests
            .values()
            .filter(claims)
            .map(|manifest| manifest.digest.clone())
            .collect()
    }

    fn drop_oldest_list(&mut self) {
        let oldest = self
            .lists
            .iter()
            .min_by_key(|(_, list)| list.checked_at)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.lists.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn the_oldest_list_goes_when_there_are_too_many() {
        let catalog = MemoryCatalog::new();
        let target = Target {
            upstream: "docker.io".into(),
            repository: "library/nginx".parse().unwrap(),
        };
        let key = |n: usize| ListKey::Tags {
            n: Some(n as u64),
            last: None,
        };
        for n in 0..=MAX_LISTS {
            let list = KeptList {
                json: Bytes::from_static(b"{}"),
                more: None,
                filtered: false,
                checked_at: Timestamp(i64::try_from(n).unwrap()),
            };
            catalog.keep_list(&target, &key(n), &list).await.unwrap();
        }
        assert_eq!(catalog.find_list(&target, &key(0)).await.unwrap(), None);
        for n in [1, MAX_LISTS] {
            let kept = catalog.find_list(&target, &key(n)).await.unwrap();
            assert!(kept.is_some(), "list {n}");
        }
    }
}
