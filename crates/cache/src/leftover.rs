//! What a fill leaves to its readers when it cannot keep what comes: the hash so far, and the body that is still coming.
//!
//! The body goes to the first reader who takes it, so that a pull by one client costs one request also where nothing can be
//! kept. The others ask the upstream for the rest by themselves.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{BlobStream, Clock};
use forebay_jobs::Supervisor;
use forebay_oci::Hasher;
use futures::{StreamExt, stream};
use tokio::sync::Notify;

/// How long a body waits to be taken: a reader may have to come up to it first, and it keeps a connection meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a fill had in its hands when it stopped.
pub(crate) struct Leftover {
    /// Has seen all bytes that the readers find in the spool.
    pub(crate) hasher: Hasher,
    /// The bytes after those; `None` once they are taken.
    body: Mutex<Option<BlobStream>>,
    taken: Notify,
}

impl Leftover {
    pub(crate) fn new(hasher: Hasher, body: BlobStream) -> Self {
        Self {
            hasher,
            body: Mutex::new(Some(body)),
            taken: Notify::new(),
        }
    }

    /// The body, if nobody has taken it before.
    pub(crate) fn take(&self) -> Option<BlobStream> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        self.taken.notify_one();
        body.take()
    }

    /// Waits until the body is taken, and lets it go after a while; does not hold up a stop.
    pub(crate) async fn hand_over(&self, clock: &dyn Clock, supervisor: &Supervisor) {
        tokio::select! {
            () = self.taken.notified() => {}
            () = clock.sleep(PATIENCE) => drop(self.take()),
            () = supervisor.stopping() => {}
        }
    }
}

/// A body whose first bytes have come already.
pub(crate) fn put_back(bytes: Bytes, body: BlobStream) -> BlobStream {
    Box::pin(stream::once(std::future::ready(Ok(bytes))).chain(body))
}
