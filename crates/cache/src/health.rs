//! Whether the cache can keep what it fetches, for readiness and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use forebay_content::{BlobError, CatalogError};
use tracing::{info, warn};

/// The trouble with the disk, if there is any now. Pulls go on either way: what cannot be kept is passed on.
#[derive(Debug, Default)]
pub struct Health {
    trouble: Mutex<Option<String>>,
    failures: AtomicU64,
}

/// When something began to be kept: what failed since then is not undone by its success.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u64);

impl Health {
    /// What is wrong, in words for an operator; `None` if nothing is.
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Something begins to be kept.
    pub(crate) fn begin(&self) -> Begun {
        Begun(self.failures.load(Ordering::SeqCst))
    }

    /// What began then was kept: the disk works, unless something else failed meanwhile.
    pub(crate) fn kept(&self, begun: Begun) {
        if self.begin().0 == begun.0 && self.replace(None).is_some() {
            info!("the cache keeps what it fetches again");
        }
    }

    /// A blob could not be kept.
    pub(crate) fn blob_not_kept(&self, error: &BlobError) {
        self.fail(&describe(error));
    }

    /// The catalog could not be written to.
    pub(crate) fn catalog_not_written(&self, error: &CatalogError) {
        let trouble = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        self.fail(&trouble);
    }

    /// Logged at its beginning and its end, not at each pull between.
    fn fail(&self, trouble: &str) {
        self.failures.fetch_add(1, Ordering::SeqCst);
        let before = self.replace(Some(trouble.to_owned()));
        if before.as_deref() != Some(trouble) {
            warn!(
                trouble,
                "the cache cannot keep what it fetches; pulls are passed on"
            );
        }
    }

    fn replace(&self, trouble: Option<String>) -> Option<String> {
        std::mem::replace(
            &mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner),
            trouble,
        )
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
}
