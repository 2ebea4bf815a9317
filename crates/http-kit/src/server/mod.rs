//! Our one HTTP listener: HTTP/1.1 and HTTP/2 over TCP, TLS and Unix sockets.
//!
//! It accepts, limits, times out, names requests, reports them and drains; what they mean is the handler's affair.

mod accept;
mod access;
mod activity;
mod answer;
mod arrival;
mod body;
mod buffers;
mod channel;
mod connection;
mod connections;
mod file_lane;
mod file_part;
mod goodbye;
mod host;
mod limits;
mod listener;
mod preface;
mod record;
mod refusal;
mod request;
mod seldom;
mod socket;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use forebay_jobs::Supervisor;
use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;

use accept::Acceptor;
use buffers::{Buffers, ROOM_WITHIN};
use limits::{HANDSHAKE_SHARE, HANDSHAKES_AT_ONCE, SHED_AT_ONCE};
use request::RequestIds;
use tls::Handshakes;

pub use access::{AccessEntry, AccessLabels, AccessLog, ClientAddress, NoAccessLog};
pub use body::{Body, BodyPart, BodyStream, BoxError};
pub use buffers::Room;
pub use connections::Connections;
pub use file_lane::FileLane;
pub use file_part::FilePart;
pub use host::find_host;
pub use limits::{MAX_HEAD_BYTES, MAX_TARGET_BYTES, ServeLimits};
pub use listener::Listener;
pub use request::{Peer, RequestBody, RequestBodyError, RequestId, WholeBody};
pub use tls::{
    AlternativeName, Certificate, Secured, ServerTls, TlsClients, TlsError, TlsMaterial, TlsPart,
    TlsProblem, TlsSetup,
};

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The response to `request`. A panic becomes a 500 in the words of [`refusal`](Self::refusal). The [`RequestId`] is in the request's extensions;
    /// what is in the response's extensions reaches the access log: [`AccessLabels`], a [`ClientAddress`], any other.
    ///
    /// A request that names no host, several or none that can be one has been answered 400 before ([`find_host`]). A body
    /// without a length may not go to a client below HTTP/1.1, whom nothing would tell that it broke off: it becomes a 500.
    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: Peer,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// The JSON body of what the server answers without the handler: 400 to what is no request or does not name one host, 414 and
    /// 431 to what is too long, 500 where the handler gave nothing that can be sent, 503 to a connection too many, and in the place
    /// of an answer for which there is no room among those that are not read. None, unless
    /// the handler has one.
    fn refusal(_status: StatusCode) -> String {
        String::new()
    }
}

/// A handler with its limits and its log, ready to serve any number of listeners. Clones share them.
pub struct Server<H> {
    shared: Arc<Shared<H>>,
}

struct Shared<H> {
    handler: H,
    limits: ServeLimits,
    log: Arc<dyn AccessLog>,
    ids: RequestIds,
    connections: Connections,
    shedding: Arc<Semaphore>,
    handshakes: Handshakes,
    buffers: Arc<Buffers>,
    /// For answers, which are whole already when they are counted: none waits.
    answers: Buffers,
}

impl<H: Handler> Server<H> {
    /// A server that listens nowhere yet.
    pub fn new(handler: H, limits: ServeLimits, log: Arc<dyn AccessLog>) -> Self {
        Self::counted(limits, log, |_| handler)
    }

    /// As [`new`](Self::new), with a handler that knows how many connections are open.
    pub fn counted(
        limits: ServeLimits,
        log: Arc<dyn AccessLog>,
        handler: impl FnOnce(Connections) -> H,
    ) -> Self {
        let connections = Connections::up_to(limits.max_connections);
        let shared = Shared {
            handler: handler(connections.clone()),
            limits,
            log,
            ids: RequestIds::new(),
            connections,
            buffers: Arc::new(Buffers::up_to(limits.max_buffered_bytes, ROOM_WITHIN)),
            answers: Buffers::up_to(limits.max_answer_bytes, Duration::ZERO),
            shedding: Arc::new(Semaphore::new(SHED_AT_ONCE)),
            handshakes: Handshakes::up_to(HANDSHAKES_AT_ONCE, HANDSHAKES_AT_ONCE / HANDSHAKE_SHARE),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Accepts connections until `supervisor` stops, as tasks of its own, and returns at once.
    ///
    /// After the stop the socket is closed, and each connection ends after the response it is at: the supervisor's
    /// [`drain`](Supervisor::drain) waits for them.
    pub fn serve(&self, listener: Listener, supervisor: &Supervisor) {
        self.serve_as(listener, None, supervisor);
    }

    /// As [`serve`](Self::serve), with TLS spoken over TCP: HTTP/2 or HTTP/1.1, whichever the client negotiates. Each request
    /// then has an [`Arc<Secured>`](Secured) in its extensions.
    pub fn serve_tls(&self, listener: Listener, tls: ServerTls, supervisor: &Supervisor) {
        self.serve_as(listener, Some(tls), supervisor);
    }

    fn serve_as(&self, listener: Listener, tls: Option<ServerTls>, supervisor: &Supervisor) {
        let acceptor = Acceptor::new(self.shared.clone(), supervisor.clone());
        supervisor.spawn("accept", acceptor.run(listener, tls));
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.shared.connections.open()
    }
}

impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}
