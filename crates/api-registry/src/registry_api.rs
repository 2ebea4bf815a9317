//! Answers a request to `/v2/`: parse, route, admit, ask the target's source, answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_content::{ClientKind, ContentSource, SourceError};
use forebay_http_kit::{AccessLabels, Body, FileLane, INSTANCE, Peer};
use forebay_limits::Priority;
use forebay_oci::{Addressing, Endpoint, ErrorCode, Query, Route, Target, route};
use http::header::{HOST, RANGE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request};

use crate::caller::caller;
use crate::table::Table;
use crate::{OciError, answer, range};

/// A client is answered within this time, come what may: containerd gives up after 30 s without headers. What was begun for it
/// goes on behind.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// The distribution API. Clones answer from the same table.
#[derive(Clone)]
pub struct RegistryApi {
    table: Arc<ArcSwap<Table>>,
    instance: HeaderValue,
}

/// What a request is, once its head is read.
struct Asked<'a> {
    is_head: bool,
    query: Query,
    endpoint: Endpoint,
    headers: &'a HeaderMap,
    lane: Option<&'a FileLane>,
    peer: Peer,
}

impl RegistryApi {
    /// An API that answers from `table`, whatever it holds at the time of a request; a request that carries `instance` is one
    /// that this very program sent to an upstream.
    pub fn new(table: Arc<ArcSwap<Table>>, instance: HeaderValue) -> Self {
        Self { table, instance }
    }

    /// True if this client may ask.
    pub fn admits(&self, peer: Peer) -> bool {
        self.table.load().admits(peer)
    }

    /// The answer to one request; never an error, because an error is an answer too.
    pub async fn answer(&self, head: &request::Parts, peer: Peer) -> Response<Body> {
        let is_head = head.method == Method::HEAD;
        let table = self.table.load_full();
        let answer = match read(head, peer) {
            _ if !table.admits(peer) => Err(OciError::stranger()),
            _ if head.headers.get(INSTANCE) == Some(&self.instance) => Err(OciError::our_own()),
            Ok(asked) => table.answer(&asked).await,
            Err(error) => Err(error),
        };
        answer.unwrap_or_else(|error| error.into_response(is_head))
    }
}

fn read(head: &request::Parts, peer: Peer) -> Result<Asked<'_>, OciError> {
    let query = Query::parse(head.uri.query().unwrap_or_default())?;
    let endpoint = Endpoint::parse(head.uri.path(), &query)?;
    let is_head = head.method == Method::HEAD;
    if !is_head && head.method != Method::GET || matches!(endpoint, Endpoint::Uploads { .. }) {
        return Err(OciError::unsupported());
    }
    Ok(Asked {
        is_head,
        query,
        endpoint,
        headers: &head.headers,
        lane: head.extensions.get(),
        peer,
    })
}

impl Table {
    /// A peer without an address came over a socket of our own machine.
    fn admits(&self, peer: Peer) -> bool {
        peer.address
            .is_none_or(|address| self.clients.admit(address.ip()))
    }

    async fn answer(&self, asked: &Asked<'_>) -> Result<Response<Body>, OciError> {
        let name = match (&asked.endpoint, asked.endpoint.name()) {
            (Endpoint::Ping, _) => return Ok(answer::ping()),
            (_, None) => return Err(OciError::no_catalog()),
            (_, Some(name)) => name,
        };
        let host = asked.headers.get(HOST).and_then(|host| host.to_str().ok());
        let Route { target, addressing } =
            route(host, asked.query.ns.as_deref(), name, &self.routes)
                .map_err(|error| OciError::unrouted(&error, &self.routes))?;
        let source = self.sources.get(&target.upstream).ok_or_else(no_source)?;
        let by_namespace = addressing == Addressing::Namespace;
        let caller = caller(asked.peer, asked.headers, by_namespace);
        let kind = caller.kind;
        let request = forebay_content::Request {
            repository: target.repository.clone(),
            caller: Arc::new(caller),
            priority: Priority::Interactive,
            patience: self.patience.of(kind),
        };
        // A refusal is as much this upstream's and this repository's answer, also in the access log.
        let answer = asked.ask(source.as_ref(), &request, (kind, &target)).await;
        let mut response = answer.unwrap_or_else(|error| error.into_response(asked.is_head));
        if by_namespace {
            answer::name_upstream(&mut response, &target.upstream);
        }
        let labels = response
            .extensions_mut()
            .remove::<AccessLabels>()
            .unwrap_or_default();
        let labels = labels.with("upstream", target.upstream.to_string());
        response
            .extensions_mut()
            .insert(labels.with("repository", target.repository.to_string()));
        Ok(response)
    }
}

impl Asked<'_> {
    async fn ask(
        &self,
        source: &dyn ContentSource,
        request: &forebay_content::Request,
        client: (ClientKind, &Target),
    ) -> Result<Response<Body>, OciError> {
        match &self.endpoint {
            Endpoint::Manifest { reference, .. } if self.is_head => {
                answer::manifest_head(&in_time(source.resolve(request, reference), client).await?)
            }
            Endpoint::Manifest { reference, .. } => {
                answer::manifest(in_time(source.manifest(request, reference), client).await?)
            }
            Endpoint::Blob { digest, .. } if self.is_head => answer::blob_head(
                in_time(source.stat_blob(request, digest), client).await?,
                digest,
            ),
            Endpoint::Blob { digest, .. } => {
                let range = range::parse(self.headers.get(RANGE))
                    .map_err(|_| OciError::backwards_range())?;
                answer::blob(
                    in_time(source.blob(request, digest, range), client).await?,
                    digest,
                    self.lane,
                )
            }
            Endpoint::Tags { name, page } => {
                answer::tags(in_time(source.tags(request, page), client).await?, name)
            }
            Endpoint::Referrers {
                digest,
                artifact_type,
                ..
            } => {
                let list = in_time(
                    source.referrers(request, digest, artifact_type.as_deref()),
                    client,
                )
                .await?;
                Ok(answer::referrers(list, artifact_type.is_some()))
            }
            Endpoint::Ping | Endpoint::Catalog | Endpoint::Uploads { .. } => {
                Err(OciError::unsupported())
            }
        }
    }
}

/// Waits for a source's answer as long as a client would.
async fn in_time<T>(
    answer: impl Future<Output = Result<T, SourceError>>,
    (client, image): (ClientKind, &Target),
) -> Result<T, OciError> {
    let answer = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(SourceError::TimedOut {
            why: format!("nothing within {} s", ANSWER_WITHIN.as_secs()),
        }),
    };
    answer.map_err(|failure| OciError::from_source(&failure, client, image))
}

/// The route table and the sources are built from one configuration.
fn no_source() -> OciError {
    OciError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unknown,
        "internal error",
    )
}
