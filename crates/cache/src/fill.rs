//! One fetch of a blob from the upstream, owned by no request, as its readers see it.
//!
//! A task (`filling.rs`) writes a spool file, which is the blob's stage, and publishes here how far it has come; everybody reads
//! the spool from where they like and waits for the rest (`reading.rs`). When the disk fails, or the blob is larger than all that
//! may be kept, the fill is adrift: its readers go on from there by themselves, each with the hash of what came before, and one of
//! them with the body that the fill had (`leftover.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_content::{BlobReader, Provenance, SourceError};
use forebay_oci::{Digest, RepositoryName};
use tokio::sync::watch;

use crate::leftover::Leftover;

/// The most repositories that get their link with the one that began the fill; one more pays a HEAD again.
const MAX_EARNED: usize = 64;

/// A fill as its readers see it.
pub(crate) struct Fill {
    pub(crate) repository: RepositoryName,
    pub(crate) digest: Digest,
    pub(crate) progress: watch::Sender<Progress>,
    /// Other repositories of the same upstream that have earned what it brings, and get their link when it has.
    earned_by: Mutex<Vec<RepositoryName>>,
}

/// How far a fill has come.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// How many bytes may be given to clients.
    pub(crate) readable: u64,
    /// The blob's size, once it is known.
    pub(crate) size: Option<u64>,
    /// Where the bytes are.
    pub(crate) spool: Option<Arc<dyn BlobReader>>,
}

#[derive(Clone)]
pub(crate) enum Phase {
    /// The upstream has not answered yet.
    Asking,
    /// Bytes are coming.
    Receiving,
    /// All bytes are here, and are the right ones.
    Whole,
    /// There is nothing more to come.
    Failed(SourceError),
    /// Nothing is kept after `readable` bytes.
    Adrift(Arc<Leftover>),
}

/// What is known when the upstream's headers are in.
pub(crate) struct Head {
    pub(crate) size: Option<u64>,
    pub(crate) provenance: Provenance,
}

impl Fill {
    pub(crate) fn new(repository: RepositoryName, digest: Digest) -> Self {
        let progress = Progress {
            phase: Phase::Asking,
            readable: 0,
            size: None,
            spool: None,
        };
        Self {
            repository,
            digest,
            progress: watch::channel(progress).0,
            earned_by: Mutex::default(),
        }
    }

    /// Another repository may see it as well.
    pub(crate) fn is_earned_by(&self, repository: &RepositoryName) {
        let mut earned_by = self.earned_by();
        if earned_by.len() < MAX_EARNED && !earned_by.contains(repository) {
            earned_by.push(repository.clone());
        }
    }

    pub(crate) fn earned_by(&self) -> MutexGuard<'_, Vec<RepositoryName>> {
        self.earned_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// True while somebody reads it, or waits to.
    pub(crate) fn has_readers(&self) -> bool {
        self.progress.receiver_count() > 0
    }

    /// True once the upstream has answered: until then it may wait for its turn to be asked.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.progress.borrow().phase, Phase::Asking)
    }

    /// Waits for the upstream's headers.
    pub(crate) async fn head(&self) -> Result<Head, SourceError> {
        let mut watch = self.watch();
        let begun = |progress: &Progress| !matches!(progress.phase, Phase::Asking);
        let progress = watch.wait_for(begun).await.map_err(SourceError::internal)?;
        let provenance = match &progress.phase {
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Adrift(_) if progress.readable == 0 => Provenance::PassedOn,
            _ => Provenance::Fetched,
        };
        Ok(Head {
            size: progress.size,
            provenance,
        })
    }

    /// Ends the fill for its readers, if it has not ended: its task is gone.
    pub(crate) fn give_up(&self) {
        self.progress.send_if_modified(|progress| {
            let unended = matches!(progress.phase, Phase::Asking | Phase::Receiving);
            if unended {
                let why = "the fetch was given up".to_owned();
                progress.phase = Phase::Failed(SourceError::Unavailable {
                    why,
                    retry_after: None,
                });
            }
            unended
        });
    }
}
