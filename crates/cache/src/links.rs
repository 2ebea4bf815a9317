//! Who may see what: links between repositories and content.
//!
//! A link is earned by a fill through the repository or by a HEAD that its upstream answers for it, never by a manifest's mention:
//! whoever knows a digest does not thereby own its bytes. Nor does an upstream that says yes to every HEAD: its word counts for
//! bytes that it has given itself, and where nobody knows any more who did.

use std::sync::Arc;

use forebay_oci::{Digest, Target, UpstreamName};

use crate::kept::Kept;

impl Kept {
    /// True if the repository has earned this content.
    pub(crate) async fn is_linked(&self, target: &Target, digest: &Digest) -> bool {
        let link = (target.clone(), digest.clone());
        if self.links.contains_key(&link) {
            return true;
        }
        // A catalog that fails to answer grants nothing: the link is then earned again.
        let linked = self
            .catalog
            .is_linked(target, digest)
            .await
            .unwrap_or(false);
        if linked {
            self.links.insert(link, ());
        }
        linked
    }

    /// True if a HEAD of this upstream's earns its repositories what is at rest: it has supplied those bytes before, or they were
    /// found without a link, as after a rebuild of the catalog.
    pub(crate) async fn is_head_enough(&self, upstream: &UpstreamName, digest: &Digest) -> bool {
        let supply = (Arc::clone(upstream), digest.clone());
        if self.supplied.contains_key(&supply) {
            return true;
        }
        // Bytes whose row is about to be written have a supplier whom the catalog does not know yet: `None` is a no.
        match self.catalog.suppliers(digest).await {
            Ok(Some(suppliers)) => suppliers.is_empty() || suppliers.contains(upstream),
            _ => false,
        }
    }

    /// The target's upstream has given these bytes for it: grants the link in memory.
    pub(crate) fn remember_supply(&self, target: &Target, digest: &Digest) {
        let supply = (Arc::clone(&target.upstream), digest.clone());
        self.supplied.insert(supply, ());
        self.links.insert((target.clone(), digest.clone()), ());
    }

    /// The upstream has said yes by HEAD: grants the link in memory at once, and for good behind, if that is enough, and as soon
    /// as it is.
    pub(crate) async fn link_by_head(self: &Arc<Self>, target: &Target, digest: &Digest) {
        if self.is_head_enough(&target.upstream, digest).await {
            self.link(target, digest);
        } else {
            self.vouched.insert((target.clone(), digest.clone()), ());
        }
    }

    /// True if the upstream has said yes, and since then given the bytes.
    pub(crate) fn takes_its_word(self: &Arc<Self>, target: &Target, digest: &Digest) -> bool {
        let link = (target.clone(), digest.clone());
        let supply = (Arc::clone(&target.upstream), digest.clone());
        let vouched = self.vouched.contains_key(&link) && self.supplied.contains_key(&supply);
        if vouched {
            self.vouched.invalidate(&link);
            self.link(target, digest);
        }
        vouched
    }

    /// Grants the link in memory at once, and for good behind.
    pub(crate) fn link(self: &Arc<Self>, target: &Target, digest: &Digest) {
        self.links.insert((target.clone(), digest.clone()), ());
        let (kept, target, digest) = (Arc::clone(self), target.clone(), digest.clone());
        self.supervisor.spawn("keep link", async move {
            if let Err(error) = kept.catalog.link(&target, &digest, kept.clock.now()).await {
                kept.health.catalog_not_written(&error);
            }
        });
    }
}
