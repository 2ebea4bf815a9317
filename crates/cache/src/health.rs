//! Whether the cache can keep what it fetches, for readiness and metrics.

use std::sync::{Mutex, PoisonError};

use forebay_content::{BlobError, CatalogError};
use tracing::{info, warn};

/// The trouble with the disk, if there is any now. Pulls go on either way: what cannot be kept is passed on.
#[derive(Debug, Default)]
pub struct Health {
    trouble: Mutex<Option<String>>,
}

impl Health {
    /// What is wrong, in words for an operator; `None` if nothing is.
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Something was kept: the disk works.
    pub(crate) fn kept(&self) {
        if self.replace(None).is_some() {
            info!("the cache keeps what it fetches again");
        }
    }

    /// A blob could not be kept.
    pub(crate) fn blob_not_kept(&self, error: &BlobError) {
        self.begin(&describe(error));
    }

    /// The catalog could not be written to.
    pub(crate) fn catalog_not_written(&self, error: &CatalogError) {
        let trouble = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        self.begin(&trouble);
    }

    /// Logged at its beginning and its end, not at each pull between.
    fn begin(&self, trouble: &str) {
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
