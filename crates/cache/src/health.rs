//! Whether the cache can keep what it fetches, for readiness and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forebay_content::{BlobError, CatalogError};
use tracing::{info, warn};

/// The trouble with the disk, if there is any now. Pulls go on either way: what cannot be kept is passed on.
#[derive(Debug, Default)]
pub struct Health {
    blobs: Part,
    catalog: Part,
}

/// One of the two that are written to: where one has no room, the other may.
#[derive(Debug, Default)]
struct Part {
    trouble: Mutex<Option<String>>,
    failures: AtomicU64,
}

/// When something began to be written: what failed since then is not undone by its success.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    blobs: u64,
    catalog: u64,
}

// === impl Health ===

impl Health {
    /// What is wrong, in words for an operator; `None` if nothing is.
    pub fn trouble(&self) -> Option<String> {
        self.blobs.trouble().or_else(|| self.catalog.trouble())
    }

    /// Something begins to be written.
    pub(crate) fn begin(&self) -> Begun {
        Begun {
            blobs: self.blobs.failures.load(Ordering::SeqCst),
            catalog: self.catalog.failures.load(Ordering::SeqCst),
        }
    }

    /// What began then was kept: the disk works, unless something else failed meanwhile.
    pub(crate) fn kept(&self, begun: Begun) {
        let blobs = self.blobs.works(begun.blobs);
        let catalog = self.catalog.works(begun.catalog);
        self.tell_end(blobs || catalog);
    }

    /// What began then was written to the catalog, which says nothing of blobs.
    pub(crate) fn catalog_written(&self, begun: Begun) {
        self.tell_end(self.catalog.works(begun.catalog));
    }

    /// A blob could not be kept.
    pub(crate) fn blob_not_kept(&self, error: &BlobError) {
        self.blobs.fails(&describe(error));
    }

    /// The catalog could not be written to.
    pub(crate) fn catalog_not_written(&self, error: &CatalogError) {
        let trouble = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        self.catalog.fails(&trouble);
    }

    fn tell_end(&self, something_ended: bool) {
        if something_ended && self.trouble().is_none() {
            info!("the cache keeps what it fetches again");
        }
    }
}

// === impl Part ===

impl Part {
    fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    /// True if this ends its trouble.
    fn works(&self, failures_before: u64) -> bool {
        self.failures.load(Ordering::SeqCst) == failures_before && self.lock().take().is_some()
    }

    /// Logged at its beginning and its end, not at each pull between.
    fn fails(&self, trouble: &str) {
        self.failures.fetch_add(1, Ordering::SeqCst);
        let before = self.lock().replace(trouble.to_owned());
        if before.as_deref() != Some(trouble) {
            warn!(
                trouble,
                "the cache cannot keep what it fetches; pulls are passed on"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(error: &BlobError) -> String {
    match error {
        BlobError::NoSpace => {
            "no space left for blobs: the disk, its inodes or max_size are used up".to_owned()
        }
        BlobError::Io(cause) => format!("the blob store failed: {cause}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_success_ends_only_the_trouble_that_was_before_it_began() {
        let health = Health::default();
        let early = health.begin();
        health.blob_not_kept(&BlobError::NoSpace);
        health.kept(early);
        assert!(
            health.trouble().is_some(),
            "it began before the disk failed"
        );
        health.kept(health.begin());
        assert!(health.trouble().is_none());
    }

    #[test]
    fn a_catalog_that_can_be_written_to_says_nothing_of_blobs() {
        let health = Health::default();
        health.blob_not_kept(&BlobError::NoSpace);
        health.catalog_not_written(&CatalogError::NotWritable(Arc::new(std::io::Error::other(
            "EROFS",
        ))));
        health.catalog_written(health.begin());
        let trouble = health.trouble().unwrap();
        assert!(trouble.contains("no space left for blobs"), "{trouble}");
        health.kept(health.begin());
        assert_eq!(health.trouble(), None);
    }
}
