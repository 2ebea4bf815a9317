//! The uploads that are under way, by name: each belongs to one repository and to who began it.
//!
//! They live in memory and in the store's staging area, and end with the process: a client whose upload is not known begins
//! anew (distribution-spec, "Pushing a blob in chunks").

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{BlobStore, Clock, lock, within};
use forebay_oci::{Algorithm, Digest, RepositoryName, UploadId};
use tokio::sync::{Mutex as TurnLock, OwnedMutexGuard};

use crate::disk_health::DiskHealth;
use crate::upload::{Received, Receiving};
use crate::{PushError, Refused};

/// The most uploads under way at once: each holds an open file.
const MAX_UPLOADS: usize = 1024;

/// The most of these that are one's.
const MAX_UPLOADS_EACH: usize = 256;

/// An upload of which nothing is heard for so long is given up.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_hours(1);

/// How long a request waits for another one that sends to the same upload: mostly one whose client has gone already.
const TURN_LIMIT: Duration = Duration::from_secs(10);

/// When a client that found no place for an upload may come again.
const FULL_WAIT: Duration = Duration::from_secs(30);

/// Who uploads: an upload of another is as good as none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uploader {
    /// To where.
    pub repository: RepositoryName,
    /// Who, by the name under which rights are given.
    pub who: Arc<str>,
}

/// The uploads under way.
pub(crate) struct Uploads {
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    disk_health: DiskHealth,
    sessions: Mutex<HashMap<UploadId, Arc<Session>>>,
}

struct Session {
    uploader: Uploader,
    /// The quota of where it goes, in bytes: what is larger is held by nobody there.
    quota: Option<u64>,
    received: AtomicU64,
    /// When something was last heard of it, on the monotonic clock, in milliseconds.
    heard_at: AtomicU64,
    /// None once it is over.
    receiving: Arc<TurnLock<Option<Receiving>>>,
}

/// One request's turn at an upload.
pub struct Upload {
    id: UploadId,
    session: Arc<Session>,
    receiving: OwnedMutexGuard<Option<Receiving>>,
    clock: Arc<dyn Clock>,
    disk_health: DiskHealth,
}

// === impl Uploads ===

impl Uploads {
    pub(crate) fn new(
        blobs: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        disk_health: DiskHealth,
    ) -> Self {
        Self {
            blobs,
            clock,
            disk_health,
            sessions: Mutex::default(),
        }
    }

    /// Begins an upload of bytes that will be named by `algorithm`, to where `quota` bytes are held at most.
    pub(crate) async fn begin(
        &self,
        uploader: Uploader,
        (algorithm, quota): (Algorithm, Option<u64>),
    ) -> Result<UploadId, PushError> {
        check_count(self.open(), MAX_UPLOADS)?;
        let begun = Receiving::begin(self.blobs.as_ref(), algorithm, None).await;
        self.disk_health.note(&begun);
        let receiving = begun?;
        let id = draw()?;
        let session = Session {
            uploader,
            quota,
            received: AtomicU64::new(0),
            heard_at: AtomicU64::new(millis(self.clock.monotonic())),
            receiving: Arc::new(TurnLock::new(Some(receiving))),
        };
        // Looked at once more: others may have begun theirs meanwhile.
        let mut sessions = self.sessions();
        check_count(sessions.len(), MAX_UPLOADS)?;
        let who = &session.uploader.who;
        let own = sessions.values().filter(|other| other.uploader.who == *who);
        check_count(own.count(), MAX_UPLOADS_EACH)?;
        sessions.insert(id, Arc::new(session));
        Ok(id)
    }

    /// How many bytes of the upload have come; waits for nobody.
    pub(crate) fn received(&self, uploader: &Uploader, id: UploadId) -> Result<u64, PushError> {
        // Asking is no news of it: an upload that is only asked after is given up like any other.
        let session = self.find(uploader, id)?;
        Ok(session.received.load(Ordering::Acquire))
    }

    /// A turn at the upload, as soon as no other request has one.
    pub(crate) async fn turn(
        &self,
        uploader: &Uploader,
        id: UploadId,
    ) -> Result<Upload, PushError> {
        let session = self.find(uploader, id)?;
        let turn = Arc::clone(&session.receiving).lock_owned();
        let receiving = within(&*self.clock, TURN_LIMIT, turn).await;
        let receiving = receiving.ok_or(PushError::UploadBusy)?;
        if receiving.is_none() {
            self.sessions().remove(&id);
            return Err(PushError::NoUpload);
        }
        session.hear(self.clock.as_ref());
        Ok(Upload {
            id,
            session,
            receiving,
            clock: Arc::clone(&self.clock),
            disk_health: self.disk_health.clone(),
        })
    }

    /// Ends the upload, whose bytes become the blob `digest` or nothing.
    pub(crate) async fn finish(
        &self,
        mut upload: Upload,
        digest: &Digest,
    ) -> Result<Received, PushError> {
        self.sessions().remove(&upload.id);
        let receiving = upload.receiving.take().ok_or(PushError::NoUpload)?;
        receiving.finish(digest).await
    }

    /// Ends the upload, of which nothing is left.
    pub(crate) fn cancel(&self, mut upload: Upload) {
        self.sessions().remove(&upload.id);
        *upload.receiving = None;
    }

    /// Gives up the uploads of which nothing was heard for long; tells how many.
    pub(crate) fn give_up_idle(&self) -> usize {
        let now = millis(self.clock.monotonic());
        let limit = millis(IDLE_LIMIT);
        let mut given_up = 0;
        self.sessions().retain(|_, session| {
            let is_idle = now.saturating_sub(session.heard_at.load(Ordering::Relaxed)) > limit;
            // One that a request has its turn at is not idle, however slow it is.
            let Ok(mut receiving) = session.receiving.try_lock() else {
                return true;
            };
            // One whose disk failed, or whose client left in the middle of a write, is over.
            let goes = is_idle || receiving.is_none();
            given_up += usize::from(goes);
            if goes {
                *receiving = None;
            }
            !goes
        });
        given_up
    }

    /// How many are under way.
    pub(crate) fn open(&self) -> usize {
        self.sessions().len()
    }

    fn find(&self, uploader: &Uploader, id: UploadId) -> Result<Arc<Session>, PushError> {
        let sessions = self.sessions();
        let session = sessions
            .get(&id)
            .filter(|found| found.uploader == *uploader);
        session.map(Arc::clone).ok_or(PushError::NoUpload)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Session>>> {
        lock(&self.sessions)
    }
}

// === impl Upload ===

impl Upload {
    /// How many bytes have come.
    pub fn received(&self) -> u64 {
        self.receiving.as_ref().map_or(0, Receiving::received)
    }

    /// Takes more bytes. After an error, or where this is not waited for, nothing more is taken, and the upload is over: hash and
    /// bytes might not have come equally far.
    ///
    /// # Errors
    /// The disk failed, or the blob is too large, by itself or for the repository's quota.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), PushError> {
        let mut receiving = self.receiving.take().ok_or(PushError::NoUpload)?;
        let wanted = receiving.received().saturating_add(bytes.len() as u64);
        if let Some(quota) = self.session.quota.filter(|quota| wanted > *quota) {
            return Err(Refused::OverQuota { wanted, quota }.into());
        }
        let written = receiving.write(bytes).await;
        self.disk_health.note(&written);
        written?;
        let received = receiving.received();
        self.session.received.store(received, Ordering::Release);
        self.session.hear(self.clock.as_ref());
        *self.receiving = Some(receiving);
        Ok(())
    }
}

// === impl Session ===

impl Session {
    fn hear(&self, clock: &dyn Clock) {
        self.heard_at
            .store(millis(clock.monotonic()), Ordering::Relaxed);
    }
}

fn check_count(open: usize, most: usize) -> Result<(), PushError> {
    if open < most {
        return Ok(());
    }
    Err(PushError::TooManyUploads {
        open,
        retry_after: FULL_WAIT,
    })
}

/// A name that nobody guesses.
fn draw() -> Result<UploadId, PushError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| PushError::Internal(Arc::new(error)))?;
    Ok(UploadId::new(u128::from_ne_bytes(random)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
