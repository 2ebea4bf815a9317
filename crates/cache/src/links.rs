//! Who may see what: links between repositories and content.
//!
//! A link is earned by a fill through the repository or by a HEAD that the upstream answers for it, never by a manifest's
//! mention: whoever knows a digest does not thereby own its bytes.

use std::sync::Arc;

use forebay_oci::{Digest, Target};

use crate::kept::Kept;

impl Kept {
    /// True if the repository has earned this content.
    pub(crate) async fn is_linked(&self, target: &Target, digest: &Digest) -> bool {
        let key = (target.clone(), digest.clone());
        if self.links.contains_key(&key) {
            return true;
        }
        // A catalog that fails to answer grants nothing: the link is then earned again by a HEAD.
        let linked = self
            .catalog
            .is_linked(target, digest)
            .await
            .unwrap_or(false);
        if linked {
            self.links.insert(key, ());
        }
        linked
    }

    /// Grants the link in memory.
    pub(crate) fn remember_link(&self, target: &Target, digest: &Digest) {
        self.links.insert((target.clone(), digest.clone()), ());
    }

    /// Grants the link in memory at once, and for good behind.
    pub(crate) fn link(self: &Arc<Self>, target: &Target, digest: &Digest) {
        self.remember_link(target, digest);
        let (kept, target, digest) = (Arc::clone(self), target.clone(), digest.clone());
        self.supervisor.spawn("keep link", async move {
            if let Err(error) = kept.catalog.link(&target, &digest, kept.clock.now()).await {
                kept.health.catalog_not_written(&error);
            }
        });
    }
}
