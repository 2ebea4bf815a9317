//! The fills under way, one a digest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use forebay_content::Request;
use forebay_oci::Digest;

use crate::caching_source::Inner;
use crate::fill::Fill;
use crate::filling::Filling;

/// The fills of one upstream.
#[derive(Default)]
pub(crate) struct Fills {
    running: Mutex<HashMap<Digest, Arc<Fill>>>,
}

impl Inner {
    /// The fill of this digest, begun if there is none; true if it was under way.
    pub(crate) fn fill(self: &Arc<Self>, request: &Request, digest: &Digest) -> (Arc<Fill>, bool) {
        let mut running = self.fills.lock();
        if let Some(fill) = running.get(digest) {
            return (Arc::clone(fill), true);
        }
        let fill = Arc::new(Fill::new(request.repository.clone(), digest.clone()));
        running.insert(digest.clone(), Arc::clone(&fill));
        drop(running);
        let filling = Filling::new(Arc::clone(self), request.clone(), Arc::clone(&fill));
        let entry = Entry {
            inner: Arc::clone(self),
            fill: Arc::clone(&fill),
        };
        self.kept.supervisor.spawn("fill", async move {
            let _entry = entry;
            filling.run().await;
        });
        (fill, false)
    }
}

impl Fills {
    /// The fill of this digest, if one is under way.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Fill>> {
        self.lock().get(digest).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Fill>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the fill off the list however its task ends, and tells those who wait if it ended without a word.
struct Entry {
    inner: Arc<Inner>,
    fill: Arc<Fill>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inner.fills.lock().remove(&self.fill.digest);
        self.fill.give_up();
    }
}
