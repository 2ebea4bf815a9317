//! Which blobs were asked for of late: who is told that a blob is there does not upload it, and pushes a manifest that needs it.
//!
//! So asking renews the link's time as an upload would. It is noted in memory and written down behind; before links are forgotten,
//! all that is noted is written down, and meanwhile nobody is told anything.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use forebay_content::{BlobMount, SourceError, Timestamp, lock};
use forebay_oci::{Digest, RepositoryName};
use futures::StreamExt as _;
use futures::stream;
use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::PushError;
use crate::local_registry::LocalRegistry;
use crate::pull::internal;

/// The most blobs that are noted; one beyond it is written down at once.
const MAX_NOTED: usize = 10_000;

/// How many are written down at once: the catalog makes one transaction of them.
const AT_ONCE: usize = 64;

/// The blobs that were asked for since that was last written down.
#[derive(Debug, Default)]
pub(crate) struct AskedBlobs {
    noted: Mutex<HashMap<(RepositoryName, Digest), Timestamp>>,
    /// Read by who tells, written by who forgets links.
    gate: RwLock<()>,
    /// Held while what is noted is written down: who forgets links waits until all of it is.
    writing: tokio::sync::Mutex<()>,
}

impl AskedBlobs {
    /// While this is held, nobody is told that a blob is there.
    pub(crate) async fn nobody_is_told(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<(RepositoryName, Digest), Timestamp>> {
        lock(&self.noted)
    }

    /// Notes it; false if there is no room.
    fn note(&self, repository: &RepositoryName, digest: &Digest, at: Timestamp) -> bool {
        let mut noted = self.noted();
        let place = (repository.clone(), digest.clone());
        if noted.len() >= MAX_NOTED && !noted.contains_key(&place) {
            return false;
        }
        let last = noted.entry(place).or_insert(at);
        *last = at.max(*last);
        true
    }
}

impl LocalRegistry {
    /// The blob's size in bytes, if the repository holds it; then it is not forgotten as unused before its grace has passed anew.
    pub(crate) async fn told_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let _telling = self.asked.gate.read().await;
        let found = self.stores.rows.find_hosted_blob(repository, digest).await;
        let Some(size) = found.map_err(internal)? else {
            return Ok(None);
        };
        let now = self.clock.now();
        if !self.asked.note(repository, digest, now) {
            let renewed = self.renew(repository, digest, now).await;
            renewed.map_err(SourceError::internal)?;
        }
        Ok(Some(size))
    }

    /// Writes down which blobs were asked for. What could not be is still noted.
    pub(crate) async fn renew_asked(&self) -> Result<(), PushError> {
        let _all_of_it = self.asked.writing.lock().await;
        let noted = std::mem::take(&mut *self.asked.noted());
        let renewals = noted.into_iter().map(async |((repository, digest), at)| {
            let renewed = self.renew(&repository, &digest, at).await;
            if renewed.is_err() {
                self.asked.note(&repository, &digest, at);
            }
            renewed
        });
        let renewed: Vec<_> = stream::iter(renewals)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        renewed.into_iter().collect()
    }

    /// Renews the link's time; if it is not there any more, it is not made again.
    async fn renew(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<(), PushError> {
        let from_itself = BlobMount {
            from: repository.clone(),
            digest: digest.clone(),
            quota_bytes: None,
        };
        let rows = &self.stores.rows;
        rows.mount_blob(repository, &from_itself, at).await?;
        Ok(())
    }
}
