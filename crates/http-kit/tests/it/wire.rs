//! A listener under test, and a client that speaks byte for byte.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_http_kit::{
    AccessEntry, AccessLog, Body, Handler, Listener, Peer, RequestBody, ServeLimits, Server,
    ServerTls,
};
use forebay_jobs::Supervisor;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The longest that any test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

type Answering =
    Arc<dyn Fn(Request<RequestBody>, Peer) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A handler from a closure.
#[derive(Clone)]
pub(crate) struct Closure(Answering);

impl Handler for Closure {
    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        (self.0)(request, peer).await
    }

    fn refusal(status: StatusCode) -> String {
        format!("{{\"refused\":{}}}", status.as_u16())
    }
}

/// One line of the access log, kept.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u16,
    pub(crate) sent: u64,
    pub(crate) completed: bool,
    pub(crate) user_agent: Option<String>,
    pub(crate) id: String,
    pub(crate) labels: HashMap<String, String>,
    pub(crate) has_address: bool,
}

#[derive(Default)]
pub(crate) struct Lines {
    lines: Mutex<Vec<Line>>,
    changed: Notify,
}

impl AccessLog for Lines {
    fn record(&self, entry: &AccessEntry<'_>) {
        self.lines.lock().unwrap().push(Line {
            method: entry.method.to_string(),
            target: entry.path_and_query.to_owned(),
            status: entry.status.as_u16(),
            sent: entry.bytes_sent,
            completed: entry.completed,
            user_agent: entry
                .user_agent
                .map(|value| value.to_str().unwrap().to_owned()),
            id: entry.request_id.to_string(),
            labels: entry
                .labels
                .0
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_string()))
                .collect(),
            has_address: entry.peer.address.is_some(),
        });
        self.changed.notify_one();
    }
}

/// A server on loopback.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server<Closure>,
    pub(crate) supervisor: Supervisor,
    log: Arc<Lines>,
}

impl Served {
    pub(crate) fn start<F>(
        limits: ServeLimits,
        answer: impl Fn(Request<RequestBody>, Peer) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start_as(None, limits, answer)
    }

    /// With TLS, if there is any.
    pub(crate) fn start_as<F>(
        tls: Option<ServerTls>,
        limits: ServeLimits,
        answer: impl Fn(Request<RequestBody>, Peer) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let log = Arc::<Lines>::default();
        let handler = Closure(Arc::new(move |request, peer| {
            Box::pin(answer(request, peer))
        }));
        let server = Server::new(handler, limits, log.clone());
        let supervisor = Supervisor::new();
        let listener = Listener::bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_address().unwrap();
        match tls {
            Some(tls) => server.serve_tls(listener, tls, &supervisor),
            None => server.serve(listener, &supervisor),
        }
        Self {
            address,
            server,
            supervisor,
            log,
        }
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.unwrap())
    }

    /// Waits until `count` requests have ended.
    pub(crate) async fn lines(&self, count: usize) -> Vec<Line> {
        within(async {
            loop {
                let lines = self.log.lines.lock().unwrap().clone();
                if lines.len() >= count {
                    return lines;
                }
                self.log.changed.notified().await;
            }
        })
        .await
    }
}

/// A client's end.
pub(crate) struct Wire<S = TcpStream>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the server closes or resets.
    pub(crate) async fn read_all(&mut self) -> String {
        let mut all = Vec::new();
        let _ = within(self.0.read_to_end(&mut all)).await;
        String::from_utf8_lossy(&all).into_owned()
    }

    /// One answer with a Content-Length; `of_head` for an answer to HEAD.
    pub(crate) async fn read_answer(&mut self, of_head: bool) -> String {
        within(async {
            let mut text = Vec::new();
            while !text.ends_with(b"\r\n\r\n") {
                text.push(self.0.read_u8().await.unwrap());
            }
            let head = String::from_utf8(text).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; if of_head { 0 } else { length.unwrap_or(0) }];
            self.0.read_exact(&mut body).await.unwrap();
            head + &String::from_utf8_lossy(&body)
        })
        .await
    }

    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        self.read_answer(false).await
    }
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it takes too long")
}

/// A 200 with this body.
pub(crate) fn ok(body: impl Into<Body>) -> Response<Body> {
    Response::new(body.into())
}
