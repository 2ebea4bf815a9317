//! Asks a target's source for what a client wants, and makes the answer.

use std::future::Future;
use std::net::IpAddr;

use forebay_content::{
    Blob, ByteRange, Caller, Clock, ContentSource, List, Request, SourceError, within,
};
use forebay_http_kit::{Body, FileLane, Peer};
use forebay_oci::{Digest, Endpoint, Leave, Page, Query, Reference, RepositoryName, Target, Verb};
use forebay_registry::LocalRegistry;
use futures::TryStreamExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Response, Version, request};

use crate::caller::caller;
use crate::table::ANSWER_WITHIN;
use crate::{ClientRules, OciError, Outcome, What, answer, range};

/// How credentials with a password begin (RFC 7617, section 2).
const BASIC: &[u8] = b"basic ";

/// What a request is, once its head is read.
pub(crate) struct Asked<'a> {
    pub(crate) verb: Verb,
    pub(crate) is_head: bool,
    pub(crate) query: Query,
    pub(crate) endpoint: Endpoint,
    /// What it asks leave for.
    pub(crate) leave: Leave,
    pub(crate) head: &'a request::Parts,
    /// Whose request it is.
    pub(crate) client: Option<IpAddr>,
    /// Whether a program on this machine asks for itself, and may change things where no access is configured.
    pub(crate) is_ours: bool,
    /// Whether the client came by TLS.
    pub(crate) is_tls: bool,
}

/// What there is in a repository.
pub(crate) enum Content {
    Manifest(Reference),
    Blob(Digest),
    Tags(Page),
    Referrers {
        digest: Digest,
        artifact_type: Option<String>,
        page: Page,
    },
}

/// Where it is asked for.
pub(crate) struct At<'a> {
    pub(crate) target: &'a Target,
    pub(crate) source: &'a dyn ContentSource,
    /// The local repositories, if the target is one of them: they have lists of referrers in pages.
    pub(crate) local: Option<&'a LocalRegistry>,
    pub(crate) request: &'a Request,
    pub(crate) clock: &'a dyn Clock,
}

/// An answer, and what it was.
type Answer = Result<(Response<Body>, Outcome), OciError>;

impl<'a> Asked<'a> {
    /// Reads the head of a request of `client` that came by `peer`.
    pub(crate) fn read(
        head: &'a request::Parts,
        clients: &ClientRules,
        (peer, client): (Peer, Option<IpAddr>),
    ) -> Result<Self, OciError> {
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        let endpoint = Endpoint::parse(head.uri.path(), &query)?;
        let taken =
            Verb::parse(head.method.as_str()).and_then(|verb| Some((verb, endpoint.leave(verb)?)));
        let (verb, leave) = taken.ok_or_else(|| OciError::unsupported(&endpoint.allowed()))?;
        Ok(Self {
            verb,
            is_head: verb == Verb::Head,
            query,
            endpoint,
            leave,
            head,
            client,
            is_ours: clients.may_push_without_access(peer, head),
            is_tls: clients.came_by_tls(peer, head),
        })
    }

    /// Who asks, as far as the request tells, by no name.
    pub(crate) fn caller(&self) -> Caller {
        caller(self.client, &self.head.headers, self.query.ns.is_some())
    }
}

/// Whether a request shows a password, which costs us most to look at.
pub(crate) fn shows_password(headers: &HeaderMap) -> bool {
    let shown = headers.get(AUTHORIZATION);
    let scheme = shown.and_then(|shown| shown.as_bytes().get(..BASIC.len()));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(BASIC))
}

impl Content {
    /// What of a repository an endpoint is about that is pulled from.
    pub(crate) fn of(endpoint: &Endpoint) -> Option<Self> {
        Some(match endpoint {
            Endpoint::Manifest { reference, .. } => Self::Manifest(reference.clone()),
            Endpoint::Blob { digest, .. } => Self::Blob(digest.clone()),
            Endpoint::Tags { page, .. } => Self::Tags(page.clone()),
            Endpoint::Referrers {
                digest,
                artifact_type,
                page,
                ..
            } => Self::Referrers {
                digest: digest.clone(),
                artifact_type: artifact_type.clone(),
                page: page.clone(),
            },
            Endpoint::Ping
            | Endpoint::Catalog { .. }
            | Endpoint::Uploads { .. }
            | Endpoint::Upload { .. } => return None,
        })
    }

    /// What it is, for whoever counts.
    pub(crate) fn what(&self, is_head: bool) -> What {
        match self {
            Self::Manifest(reference) => What::Manifest {
                reference: reference.clone(),
                is_head,
            },
            Self::Blob(_) => What::Blob,
            Self::Tags(_) | Self::Referrers { .. } => What::List,
        }
    }

    /// Asks for it; `name` is the repository as the client wrote it.
    pub(crate) async fn ask(
        &self,
        asked: &Asked<'_>,
        name: &RepositoryName,
        at: &At<'_>,
    ) -> Answer {
        let (source, request) = (at.source, at.request);
        match self {
            Self::Manifest(reference) if asked.is_head => {
                let resolved = at.in_time(source.resolve(request, reference)).await?;
                let outcome = Outcome::Served(resolved.provenance);
                Ok((answer::manifest_head(&resolved)?, outcome))
            }
            Self::Manifest(reference) => {
                let content = at.in_time(source.manifest(request, reference)).await?;
                let outcome = Outcome::Served(content.provenance);
                Ok((answer::manifest(content)?, outcome))
            }
            Self::Blob(digest) if asked.is_head => {
                let size = at.in_time(source.stat_blob(request, digest)).await?;
                Ok((answer::blob_head(size, digest)?, Outcome::Known))
            }
            Self::Blob(digest) => at.ask_blob(asked, digest).await,
            Self::Tags(page) => {
                let list = at.in_time(source.tags(request, page)).await?;
                let outcome = Outcome::Served(list.provenance);
                Ok((answer::tags(list, name)?, outcome))
            }
            Self::Referrers {
                digest,
                artifact_type,
                page,
            } => {
                let of = (digest, artifact_type.as_deref());
                let list = at.ask_referrers(of, page).await?;
                let outcome = Outcome::Served(list.provenance);
                let next = |page| Endpoint::Referrers {
                    name: name.clone(),
                    digest: digest.clone(),
                    artifact_type: artifact_type.clone(),
                    page,
                };
                let is_filtered = artifact_type.is_some();
                Ok((answer::referrers(list, is_filtered, next)?, outcome))
            }
        }
    }
}

impl At<'_> {
    async fn ask_blob(&self, asked: &Asked<'_>, digest: &Digest) -> Answer {
        let Ok(range) = range::read(&asked.head.headers, digest) else {
            // A 416 says how large the blob is (RFC 9110 §15.5.17).
            let size = self.in_time(self.source.stat_blob(self.request, digest));
            return Err(OciError {
                size: size.await?,
                ..OciError::backwards_range()
            });
        };
        let blob = if asked.head.version < Version::HTTP_11 {
            self.in_time(self.sized_blob(digest, range)).await?
        } else {
            let blob = self.source.blob(self.request, digest, range);
            self.in_time(blob).await?
        };
        let outcome = Outcome::Served(blob.provenance);
        let lane = asked.head.extensions.get::<FileLane>();
        Ok((answer::blob(blob, digest, lane)?, outcome))
    }

    async fn ask_referrers(
        &self,
        (digest, artifact_type): (&Digest, Option<&str>),
        page: &Page,
    ) -> Result<List, OciError> {
        if let Some(local) = self.local {
            let repository = &self.request.repository;
            let list = local.referrers_page(repository, (digest, artifact_type), page);
            return self.in_time(list).await;
        }
        // An upstream's pages are joined.
        let list = self.source.referrers(self.request, digest, artifact_type);
        self.in_time(list).await
    }

    /// A blob whose size is known, for a client that would take the connection's end for the blob's: below HTTP/1.1 a body
    /// without a length ends like one that broke off. Where the upstream does not say the size, all of the blob is waited for.
    async fn sized_blob(
        &self,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let first = self.source.blob(self.request, digest, range).await?;
        if first.size.is_some() {
            return Ok(first);
        }
        drop(first);
        let whole = self.source.blob(self.request, digest, None).await?;
        let size = match whole.size {
            Some(size) => size,
            None => length(whole).await?,
        };
        let mut blob = self.source.blob(self.request, digest, range).await?;
        blob.size = blob.size.or(Some(size));
        Ok(blob)
    }

    /// Waits for the source's answer, and tells what failed in the client's words.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, OciError> {
        let kind = self.request.caller.kind;
        in_time(self.clock, answer)
            .await
            .map_err(|failure| OciError::from_source(&failure, kind, self.target))
    }
}

/// Waits for an answer as long as a client would.
pub(crate) async fn in_time<T>(
    clock: &dyn Clock,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let answer = within(clock, ANSWER_WITHIN, answer).await;
    answer.unwrap_or_else(|| {
        Err(SourceError::TimedOut {
            why: format!("nothing within {} s", ANSWER_WITHIN.as_secs()),
        })
    })
}

/// The bytes that a blob turns out to have.
async fn length(blob: Blob) -> Result<u64, SourceError> {
    let add = |sum: u64, chunk: bytes::Bytes| async move { Ok(sum + chunk.len() as u64) };
    blob.body.try_fold(0, add).await
}
