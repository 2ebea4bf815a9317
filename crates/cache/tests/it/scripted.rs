//! An upstream that says what the test told it, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{
    Blob, BlobStream, Budget, ByteRange, ContentSource, List, ManifestContent, Missing, Provenance,
    Request, Resolved, SourceError, UpstreamCall,
};
use forebay_limits::{Identity, Limited, Limiter, Priority, Purse};
use forebay_oci::{Digest, MediaType, Page, Reference, RepositoryName};
use futures::{StreamExt, stream};
use tokio::sync::watch;

/// Bytes that a body sends at a time.
const CHUNK: usize = 1000;

/// A scripted upstream. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Scripted {
    state: Arc<Mutex<State>>,
    open: Arc<watch::Sender<bool>>,
    bodies_open: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    tags: HashMap<(String, String), Digest>,
    content: HashMap<(String, Digest), Bytes>,
    asked: Vec<String>,
    failing: Option<SourceError>,
    bodies: VecDeque<Body>,
    hides_size: bool,
    pulls_stopped_for: Option<Duration>,
    purse: Option<Purse>,
    purse_after_head: Option<Purse>,
    purse_after_pull: Option<Purse>,
    /// The repositories that nobody meters, and whether a HEAD has told so.
    free: HashMap<String, bool>,
    is_crowded: bool,
    keeps_back: bool,
    patience: Option<Duration>,
    sent: u64,
    tokens_each: u64,
    /// What manifests are called, if not what most are.
    called: Option<MediaType>,
    counted: Option<Identity>,
}

/// What becomes of one blob's body.
#[derive(Clone)]
pub(crate) enum Body {
    /// It breaks after so many bytes.
    CutAt(usize),
    /// Nothing more comes after so many bytes, for longer than is waited.
    StallAt(usize),
    /// Other bytes come, equally many.
    Wrong,
    /// It goes on after its end.
    TooLong,
    /// The whole comes whatever range was asked for.
    IgnoresRange,
    /// It stops after so many bytes until the gate opens.
    HoldAt(usize),
    /// The size told is another one.
    ClaimsSize(u64),
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::default(),
            open: Arc::new(watch::channel(true).0),
            bodies_open: Arc::new(watch::channel(true).0),
        }
    }

    /// Puts a manifest and points the tag at it.
    pub(crate) fn push(&self, repository: &str, tag: &str, manifest: impl Into<Bytes>) -> Digest {
        let digest = self.put(repository, manifest);
        self.lock()
            .tags
            .insert((repository.to_owned(), tag.to_owned()), digest.clone());
        digest
    }

    /// Puts a manifest or a blob.
    pub(crate) fn put(&self, repository: &str, content: impl Into<Bytes>) -> Digest {
        let content = content.into();
        let digest = Digest::sha256(&content);
        self.lock()
            .content
            .insert((repository.to_owned(), digest.clone()), content);
        digest
    }

    /// Puts content under a digest that is not its own.
    pub(crate) fn put_as(&self, repository: &str, digest: &Digest, content: &'static str) {
        let key = (repository.to_owned(), digest.clone());
        self.lock()
            .content
            .insert(key, Bytes::from_static(content.as_bytes()));
    }

    /// Points a tag at a digest, whatever is there.
    pub(crate) fn point(&self, repository: &str, tag: &str, digest: &Digest) {
        self.lock()
            .tags
            .insert((repository.to_owned(), tag.to_owned()), digest.clone());
    }

    pub(crate) fn remove_tag(&self, repository: &str, tag: &str) {
        self.lock()
            .tags
            .remove(&(repository.to_owned(), tag.to_owned()));
    }

    /// Every call fails so, until [`heal`](Self::heal).
    pub(crate) fn fail(&self, error: SourceError) {
        self.lock().failing = Some(error);
    }

    pub(crate) fn heal(&self) {
        self.lock().failing = None;
    }

    /// A limit stops manifest GETs for so long: they are refused without being asked, and nothing else is.
    pub(crate) fn stop_pulls(&self, time: Option<Duration>) {
        self.lock().pulls_stopped_for = time;
    }

    /// What manifests are called from now on.
    pub(crate) fn call_manifests(&self, called: MediaType) {
        self.lock().called = Some(called);
    }

    /// What the purse holds from now on.
    pub(crate) fn fill_purse(&self, purse: Purse) {
        self.lock().purse = Some(purse);
    }

    /// What the purse holds once a HEAD of a manifest was answered.
    pub(crate) fn fill_purse_after_head(&self, purse: Purse) {
        self.lock().purse_after_head = Some(purse);
    }

    /// What the purse holds once a manifest was fetched.
    pub(crate) fn empty_purse_by_a_pull(&self, purse: Purse) {
        self.lock().purse_after_pull = Some(purse);
    }

    /// Nobody meters this repository, which the next HEAD of it tells.
    pub(crate) fn free(&self, repository: &str) {
        self.lock().free.insert(repository.to_owned(), false);
    }

    /// Its limit of pulls counts this one.
    pub(crate) fn count_for(&self, identity: Identity) {
        self.lock().counted = Some(identity);
    }

    /// Others wait for their turn at it.
    pub(crate) fn crowd(&self) {
        self.lock().is_crowded = true;
    }

    /// Each request needs so many tokens from now on.
    pub(crate) fn want_tokens(&self, each: u64) {
        self.lock().tokens_each = each;
    }

    /// How long whoever asked for the last manifest said that it waits.
    pub(crate) fn last_patience(&self) -> Option<Duration> {
        self.lock().patience
    }

    /// Its pace keeps back what nobody waits for: no manifest is asked for, by HEAD or GET.
    pub(crate) fn keep_back(&self) {
        self.lock().keeps_back = true;
    }

    /// What becomes of the next blob bodies, in order; those after come whole.
    pub(crate) fn bodies(&self, bodies: impl IntoIterator<Item = Body>) {
        self.lock().bodies.extend(bodies);
    }

    /// All bodies come whole from now on.
    pub(crate) fn forget_bodies(&self) {
        self.lock().bodies.clear();
    }

    pub(crate) fn hide_sizes(&self) {
        self.lock().hides_size = true;
    }

    /// Holds every call until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Holds bodies at their place until [`release`](Self::release), and no call.
    pub(crate) fn hold_bodies(&self) {
        self.bodies_open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.open.send_replace(true);
        self.bodies_open.send_replace(true);
    }

    /// What was asked since this was last called.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().asked)
    }

    /// How often it was asked since [`asked`](Self::asked) was last called.
    pub(crate) fn asked_so_far(&self) -> usize {
        self.lock().asked.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn note_sent(&self, asked: String) {
        let mut state = self.lock();
        state.asked.push(asked);
        state.sent += 1 + state.tokens_each;
    }

    async fn answer(&self, asked: String) -> Result<(), SourceError> {
        self.note_sent(asked);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.lock().failing.clone().map_or(Ok(()), Err)
    }

    fn find(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<(Digest, Bytes), SourceError> {
        let repository = request.repository.to_string();
        let state = self.lock();
        let digest = match reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(tag) => state.tags.get(&(repository.clone(), tag.to_string())),
        };
        let digest = digest
            .ok_or(SourceError::NotFound(Missing::Manifest))?
            .clone();
        let content = state.content.get(&(repository, digest.clone()));
        Ok((
            digest,
            content
                .ok_or(SourceError::NotFound(Missing::Manifest))?
                .clone(),
        ))
    }
}

/// The first letters of a digest, for logs of what was asked.
pub(crate) fn short(digest: &Digest) -> String {
    digest.hex()[..8].to_owned()
}

fn name(request: &Request, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{}:{tag}", request.repository),
        Reference::Digest(digest) => format!("{}@{}", request.repository, short(digest)),
    }
}

impl Budget for Scripted {
    fn stopped_for(&self, call: UpstreamCall, repository: &RepositoryName) -> Option<Duration> {
        let pulls_stopped_for = self.lock().pulls_stopped_for;
        let is_free = self.is_metered(repository) == Some(false);
        pulls_stopped_for.filter(|_| call == UpstreamCall::GetManifest && !is_free)
    }

    fn is_metered(&self, repository: &RepositoryName) -> Option<bool> {
        match self.lock().free.get(repository.as_str()) {
            Some(false) => None,
            Some(true) => Some(false),
            None => Some(true),
        }
    }

    fn counted(&self) -> Option<Identity> {
        self.lock().counted.clone()
    }

    fn is_crowded(&self, _: UpstreamCall) -> bool {
        self.lock().is_crowded
    }

    fn asked_about(&self, _: &RepositoryName) -> u64 {
        self.lock().sent
    }

    fn keeps_back(&self) -> bool {
        self.lock().keeps_back
    }

    fn purse(&self, repository: &RepositoryName) -> Purse {
        if self.is_metered(repository) == Some(false) {
            return Purse::Unmetered;
        }
        let state = self.lock();
        match state.pulls_stopped_for {
            Some(left) => Purse::Empty {
                opens_in: Some(left),
            },
            None => state.purse.unwrap_or(Purse::Unmetered),
        }
    }
}

#[async_trait]
impl ContentSource for Scripted {
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError> {
        if self.keeps_back() && request.priority == Priority::Background {
            std::future::pending::<()>().await;
        }
        self.answer(format!("HEAD {}", name(request, reference)))
            .await?;
        let told = self.lock().purse_after_head.take();
        if let Some(purse) = told {
            self.fill_purse(purse);
        }
        let (digest, bytes) = self.find(request, reference)?;
        if let Some(is_told) = self.lock().free.get_mut(request.repository.as_str()) {
            *is_told = true;
        }
        let size = Some(bytes.len() as u64);
        Ok(Resolved {
            digest,
            media_type: MediaType::OCI_MANIFEST,
            size,
            provenance: Provenance::Fetched,
        })
    }

    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        if let Some(retry_after) = self.stopped_for(UpstreamCall::GetManifest, &request.repository)
        {
            return Err(SourceError::Limited {
                limited: Limited::by(Limiter::PullLimit),
                retry_after,
            });
        }
        self.lock().patience = Some(request.patience);
        if self.keeps_back() && request.priority == Priority::Background {
            std::future::pending::<()>().await;
        }
        let answered = self
            .answer(format!("GET {}", name(request, reference)))
            .await;
        let told = self.lock().purse_after_pull.take();
        if let Some(purse) = told {
            self.fill_purse(purse);
        }
        answered?;
        let (digest, bytes) = self.find(request, reference)?;
        Ok(ManifestContent {
            digest,
            media_type: self
                .lock()
                .called
                .clone()
                .unwrap_or(MediaType::OCI_MANIFEST),
            bytes,
            provenance: Provenance::Fetched,
            from: None,
        })
    }

    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        self.answer(format!(
            "HEAD blob {}/{}",
            request.repository,
            short(digest)
        ))
        .await?;
        let (_, bytes) = self
            .find(request, &digest.clone().into())
            .map_err(|_| SourceError::NotFound(Missing::Blob))?;
        Ok(Some(bytes.len() as u64))
    }

    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let from = match range {
            Some(ByteRange::From { first }) => format!(" from {first}"),
            Some(other) => format!(" {other:?}"),
            None => String::new(),
        };
        self.answer(format!(
            "GET blob {}/{}{from}",
            request.repository,
            short(digest)
        ))
        .await?;
        let (_, bytes) = self
            .find(request, &digest.clone().into())
            .map_err(|_| SourceError::NotFound(Missing::Blob))?;
        let body = self.lock().bodies.pop_front();
        let hides_size = self.lock().hides_size;
        let size = bytes.len() as u64;
        let range = range.filter(|_| !matches!(body, Some(Body::IgnoresRange)));
        let part = range.map(|range| range.resolve(size)).transpose()?;
        let wanted = part.clone().unwrap_or(0..size);
        let bytes = bytes
            .slice(usize::try_from(wanted.start).unwrap()..usize::try_from(wanted.end).unwrap());
        let told = match body {
            Some(Body::ClaimsSize(size)) => size,
            _ => size,
        };
        Ok(Blob {
            size: (!hides_size).then_some(told),
            range: part,
            body: self.body(&bytes, body.as_ref()).into(),
            provenance: Provenance::Fetched,
        })
    }

    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError> {
        self.answer(format!(
            "TAGS {} {:?} {:?}",
            request.repository, page.n, page.last
        ))
        .await?;
        let repository = request.repository.to_string();
        let state = self.lock();
        let mut tags: Vec<_> = state
            .tags
            .keys()
            .filter(|(name, _)| *name == repository)
            .map(|(_, tag)| tag)
            .collect();
        if tags.is_empty() {
            return Err(SourceError::NotFound(Missing::Repository));
        }
        tags.sort();
        Ok(List {
            json: Bytes::from(format!("{tags:?}")),
            more: None,
            filtered: false,
            provenance: Provenance::Fetched,
        })
    }

    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        kind: Option<&str>,
    ) -> Result<List, SourceError> {
        self.answer(format!(
            "REFERRERS {}@{} {kind:?}",
            request.repository,
            short(digest)
        ))
        .await?;
        Ok(List {
            json: Bytes::from("[]"),
            more: None,
            filtered: kind.is_some(),
            provenance: Provenance::Fetched,
        })
    }
}

impl Scripted {
    fn body(&self, bytes: &Bytes, body: Option<&Body>) -> BlobStream {
        let end = |at: usize, error: SourceError| {
            let before = bytes.slice(..at.min(bytes.len()));
            Box::pin(chunks(&before).chain(stream::once(async { Err(error) })))
        };
        match body {
            Some(Body::CutAt(at)) => {
                let (why, retry_after) = ("cut".to_owned(), None);
                end(*at, SourceError::Unavailable { why, retry_after })
            }
            Some(Body::StallAt(at)) => {
                let why = "idle".to_owned();
                end(*at, SourceError::TimedOut { why })
            }
            Some(Body::Wrong) => Box::pin(chunks(&Bytes::from(vec![b'x'; bytes.len()]))),
            Some(Body::TooLong) => {
                Box::pin(chunks(bytes).chain(chunks(&Bytes::from_static(b"more"))))
            }
            Some(Body::HoldAt(at)) => {
                let gates = [self.open.subscribe(), self.bodies_open.subscribe()];
                let wait = stream::once(async move {
                    for mut gate in gates {
                        gate.wait_for(|open| *open).await.unwrap();
                    }
                });
                let after = bytes.slice(*at..);
                Box::pin(
                    chunks(&bytes.slice(..*at))
                        .chain(wait.filter_map(|()| async { None }))
                        .chain(chunks(&after)),
                )
            }
            Some(Body::IgnoresRange | Body::ClaimsSize(_)) | None => Box::pin(chunks(bytes)),
        }
    }
}

fn chunks(bytes: &Bytes) -> impl futures::Stream<Item = Result<Bytes, SourceError>> + Send + use<> {
    let parts: Vec<_> = bytes
        .chunks(CHUNK)
        .map(|part| Ok(bytes.slice_ref(part)))
        .collect();
    stream::iter(parts)
}
