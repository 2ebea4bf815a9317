//! One request and its answer, over a pooled connection or a new one.
//!
//! Knows nothing of redirects.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::connector::Connector;
use super::link::Tap;
use super::policy::{ClientPolicy, INSTANCE, Timeouts};
use super::reply::{Reply, ReplyBody};
use crate::error::{ClientError, SendError, Stage};

/// Idle connections kept for one host: about as many as blobs are fetched at once.
const IDLE_PER_HOST: usize = 16;
/// How long a connection is kept idle. Shorter than what registries and their load balancers allow.
const IDLE_KEPT: Duration = Duration::from_secs(30);
/// The longest head of an answer, and the most of a body that is read at once.
const READ_BUFFER_BYTES: usize = 256 * 1024;

type Pool = legacy::Client<Connector, Full<Bytes>>;

/// One hop of a request.
pub(super) struct Hop<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) authorization: Option<&'a HeaderValue>,
    pub(super) body: &'a Bytes,
}

/// Sends single requests.
pub(super) struct Exchange {
    pooled: Pool,
    /// Never reuses a connection: for what a stale one has lost.
    fresh: Pool,
    connector: Connector,
    timeouts: Timeouts,
    user_agent: HeaderValue,
    instance: Option<HeaderValue>,
}

/// A failed attempt.
struct Failure {
    error: SendError,
    /// True where the connection was a used one that broke before a byte of the answer came.
    was_stale: bool,
}

impl Exchange {
    pub(super) fn new(policy: ClientPolicy) -> Result<Self, ClientError> {
        let connector = Connector::new(&policy)?;
        Ok(Self {
            pooled: pool(&connector, IDLE_PER_HOST),
            fresh: pool(&connector, 0),
            connector,
            timeouts: policy.timeouts,
            user_agent: policy.user_agent,
            instance: policy.instance,
        })
    }

    /// Sends one request and waits for the head of its answer.
    pub(super) async fn run(&self, hop: &Hop<'_>) -> Result<Reply, SendError> {
        let is_idempotent = matches!(*hop.method, Method::GET | Method::HEAD);
        match self.attempt(&self.pooled, hop).await {
            Err(failure) if failure.was_stale && is_idempotent => {
                self.attempt(&self.fresh, hop).await
            }
            outcome => outcome,
        }
        .map_err(|failure| failure.error)
    }

    /// A body of no bytes.
    pub(super) fn empty_body(&self) -> ReplyBody {
        ReplyBody::empty(&self.timeouts)
    }

    async fn attempt(&self, pool: &Pool, hop: &Hop<'_>) -> Result<Reply, Failure> {
        let host = hop.url.host_str().unwrap_or_default();
        let mut request = self.build(hop)?;
        let mut connection = capture_connection(&mut request);
        let response = pool.request(request);
        let too_late = async {
            // The connector has its own limit; the answer's time begins when there is somebody to wait for.
            drop(connection.wait_for_connection_metadata().await);
            tokio::time::sleep(self.timeouts.header).await;
        };
        let outcome = tokio::select! {
            outcome = response => outcome,
            () = too_late => {
                let (host, stage) = (host.to_owned(), Stage::Header);
                return Err(SendError::TimedOut { host, stage }.into());
            }
        };
        match outcome {
            Ok(response) => self.accept(response, hop),
            Err(error) => Err(explain(&error, host)),
        }
    }

    fn build(&self, hop: &Hop<'_>) -> Result<Request<Full<Bytes>>, SendError> {
        let uri = Uri::try_from(hop.url.as_str()).map_err(|_| SendError::Unsendable {
            host: hop.url.host_str().unwrap_or_default().to_owned(),
            why: "its URL holds what HTTP cannot carry",
        })?;
        let proxy = self
            .connector
            .find_proxy(&uri)
            .filter(|_| hop.url.scheme() == "http");
        let mut request = Request::new(Full::new(hop.body.clone()));
        *request.method_mut() = hop.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = hop.headers.clone();
        let headers = request.headers_mut();
        // The URL says which host it is.
        headers.remove(HOST);
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(instance) = &self.instance {
            headers.insert(INSTANCE, instance.clone());
        }
        if let Some(authorization) = hop.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        Ok(request)
    }

    fn accept(&self, response: Response<Incoming>, hop: &Hop<'_>) -> Result<Reply, Failure> {
        let (parts, incoming) = response.into_parts();
        let Some(tap) = parts.extensions.get::<Tap>() else {
            // Every connection is a link, and every link has a tap.
            let host = hop.url.host_str().unwrap_or_default().to_owned();
            return Err(SendError::Closed { host }.into());
        };
        tap.note_answer();
        Ok(Reply {
            status: parts.status,
            headers: parts.headers,
            url: hop.url.clone(),
            remote: tap.remote(),
            body: ReplyBody::new(incoming, &self.timeouts),
        })
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self {
            error,
            was_stale: false,
        }
    }
}

fn pool(connector: &Connector, idle_per_host: usize) -> Pool {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_KEPT)
        .pool_max_idle_per_host(idle_per_host)
        .http1_max_buf_size(READ_BUFFER_BYTES);
    builder.build(connector.clone())
}

fn explain(error: &legacy::Error, host: &str) -> Failure {
    let source = std::error::Error::source(error);
    if let Some(ours) = source.and_then(|source| source.downcast_ref::<SendError>()) {
        return ours.clone().into();
    }
    let mut extras = Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extras);
    }
    let tap: Option<&Tap> = extras.get();
    let head = tap.map(Tap::head).unwrap_or_default();
    let host = host.to_owned();
    if !head.is_empty() {
        // hyper could not read it, or it ended inside its head.
        return SendError::Malformed { host, head }.into();
    }
    Failure {
        error: SendError::Closed { host },
        was_stale: tap.is_some_and(Tap::was_used),
    }
}
