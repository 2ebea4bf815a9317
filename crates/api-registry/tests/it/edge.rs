//! The edge under test: a listener, a table, and stores in memory whose journal can be held up.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use forebay_api_registry::{Answered, ClientRules, Patience, RegistryApi, TOKEN_PATH, Table};
use forebay_content::memory::{MemoryBlobs, MemoryHosted, MemoryJournal};
use forebay_content::{
    Audit, AuditEntry, BlobError, Journal, JournalEntry, JournalPage, JournalPlace, JournalReader,
    ManualClock,
};
use forebay_http_kit::{
    Body, Handler, Listener, NoAccessLog, Peer, RequestBody, ServeLimits, Server,
};
use forebay_jobs::Supervisor;
use forebay_oci::{RepositoryName, RouteTable};
use forebay_registry::{LocalRegistry, Stores};
use http::{HeaderValue, Request, Response};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::wire::PATIENCE;

/// What is served, and what came of it.
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<HeldJournal>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) clock: ManualClock,
    names: Arc<Names>,
    beginnings: Arc<Notify>,
    departures: Arc<Notify>,
    supervisor: Supervisor,
}

/// By which names pulls were answered, as whoever counts is told.
type Names = Mutex<Vec<Option<Arc<str>>>>;

/// A journal that is written to when the test says so.
pub(crate) struct HeldJournal {
    inner: MemoryJournal,
    leave: Semaphore,
    is_full: AtomicBool,
    is_waited_for: Notify,
}

/// The audit log.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Mutex<Vec<String>>,
    has_more: Notify,
}

struct Door {
    api: RegistryApi,
    names: Arc<Names>,
    beginnings: Arc<Notify>,
    departures: Arc<Notify>,
}

/// Tells of a request that was given up before its answer.
struct Departure {
    is_answered: bool,
    told: Arc<Notify>,
}

impl Edge {
    /// With no access configured, repositories of one part, and loopback let to push.
    pub(crate) fn open() -> Self {
        Self::with(|table| table.clients.loopback_push = true)
    }

    /// With no access configured and repositories of one part, but for what is changed.
    pub(crate) fn with(change: impl FnOnce(&mut Table)) -> Self {
        Self::limited(ServeLimits::default(), change)
    }

    /// The same, with a listener that puts up with this.
    pub(crate) fn limited(limits: ServeLimits, change: impl FnOnce(&mut Table)) -> Self {
        let manual = ManualClock::default();
        let clock = Arc::new(manual.clone());
        let supervisor = Supervisor::new();
        let journal = Arc::new(HeldJournal::free());
        let stores = Stores {
            blobs: Arc::new(MemoryBlobs::default()),
            rows: Arc::new(MemoryHosted::new()),
            journal: Arc::clone(&journal) as _,
        };
        let lines = Arc::<Lines>::default();
        let mut table = Table {
            routes: RouteTable::default(),
            sources: [].into(),
            rights: [].into(),
            local: Some(LocalRegistry::open(
                stores,
                Arc::clone(&clock) as _,
                &supervisor,
            )),
            access: None,
            audit: Arc::clone(&lines) as _,
            clients: ClientRules::default(),
            patience: Patience::default(),
            limits: Vec::new(),
        };
        change(&mut table);
        let table = Arc::new(ArcSwap::from_pointee(table));
        let instance = HeaderValue::from_static("test");
        let (beginnings, departures) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let names = Arc::<Names>::default();
        let api = RegistryApi::new(Arc::clone(&table), instance, clock);
        api.keep_audit(&supervisor);
        let door = Door {
            api,
            names: Arc::clone(&names),
            beginnings: Arc::clone(&beginnings),
            departures: Arc::clone(&departures),
        };
        let listener = Listener::bind_tcp(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_address().unwrap();
        Server::new(door, limits, Arc::new(NoAccessLog)).serve(listener, &supervisor);
        Self {
            address,
            journal,
            lines,
            clock: manual,
            names,
            beginnings,
            departures,
            supervisor,
        }
    }

    /// As the program's end does.
    pub(crate) fn stop(&self) {
        self.supervisor.stop();
    }

    /// By which names the pulls since the last look were answered.
    pub(crate) fn take_names(&self) -> Vec<Option<String>> {
        let names = std::mem::take(&mut *self.names.lock().unwrap());
        let names = names
            .into_iter()
            .map(|name| name.map(|name| name.to_string()));
        names.collect()
    }

    /// Waits until a request has begun to be answered.
    pub(crate) async fn until_begun(&self) {
        let begun = timeout(PATIENCE, self.beginnings.notified()).await;
        begun.expect("a request");
    }

    /// Waits until a client's departure was noticed, and its request given up.
    pub(crate) async fn until_departed(&self) {
        let noticed = timeout(PATIENCE, self.departures.notified()).await;
        noticed.expect("a client that leaves");
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

impl Handler for Door {
    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        let mut departure = Departure {
            is_answered: false,
            told: Arc::clone(&self.departures),
        };
        self.beginnings.notify_one();
        let (head, body) = request.into_parts();
        let answer = if head.uri.path() == TOKEN_PATH {
            self.api.give_token(&head, body, peer).await
        } else {
            self.api.answer(&head, body, peer).await
        };
        if let Some(answered) = answer.extensions().get::<Answered>() {
            let name = answered.caller.client.user.clone();
            self.names.lock().unwrap().push(name);
        }
        departure.is_answered = true;
        answer
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if !self.is_answered {
            self.told.notify_one();
        }
    }
}

// === impl HeldJournal ===

impl HeldJournal {
    fn free() -> Self {
        Self {
            inner: MemoryJournal::new(),
            leave: Semaphore::new(Semaphore::MAX_PERMITS),
            is_full: AtomicBool::new(false),
            is_waited_for: Notify::new(),
        }
    }

    /// From now on nothing is written.
    pub(crate) fn hold(&self) {
        self.leave.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Waits until somebody waits to write.
    pub(crate) async fn until_waited_for(&self) {
        let waited = timeout(PATIENCE, self.is_waited_for.notified()).await;
        waited.expect("somebody who writes");
    }

    /// From now on its disk has no room, or has some again.
    pub(crate) fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }

    /// Everything is written again.
    pub(crate) fn release(&self) {
        self.leave.add_permits(Semaphore::MAX_PERMITS);
    }
}

#[async_trait]
impl Journal for HeldJournal {
    async fn append(
        &self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> Result<(), BlobError> {
        if self.leave.available_permits() == 0 {
            self.is_waited_for.notify_one();
        }
        let _leave = self.leave.acquire().await;
        if self.is_full.load(Ordering::SeqCst) {
            return Err(BlobError::NoSpace);
        }
        self.inner.append(repository, entries).await
    }

    async fn journals(
        &self,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<JournalPage, BlobError> {
        self.inner.journals(after, limit).await
    }

    async fn open(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Box<dyn JournalReader>>, BlobError> {
        self.inner.open(repository).await
    }

    async fn replace(
        &self,
        repository: &RepositoryName,
        until: JournalPlace,
        entries: Vec<JournalEntry>,
    ) -> Result<bool, BlobError> {
        self.inner.replace(repository, until, entries).await
    }

    async fn size(&self, repository: &RepositoryName) -> Result<u64, BlobError> {
        self.inner.size(repository).await
    }
}

// === impl Lines ===

impl Lines {
    /// Waits until there are so many, and tells them: act, object and outcome.
    pub(crate) async fn until(&self, count: usize) -> Vec<String> {
        let reached = async {
            loop {
                let more = self.has_more.notified();
                let lines = self.lines.lock().unwrap().clone();
                if lines.len() >= count {
                    return lines;
                }
                more.await;
            }
        };
        timeout(PATIENCE, reached).await.expect("lines")
    }
}

impl Audit for Lines {
    fn record(&self, entry: &AuditEntry<'_>) {
        let line = format!("{} {} {}", entry.act, entry.object, entry.outcome);
        self.lines.lock().unwrap().push(line);
        self.has_more.notify_one();
    }
}
