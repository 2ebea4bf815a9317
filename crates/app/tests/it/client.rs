//! A small HTTP client: one connection a request, and an answer that says whether it was whole.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// A test that waits longer than this for something to happen has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// A whole answer, or as much as came of one.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body came to the end that was announced.
    pub(crate) is_whole: bool,
    /// From before the connection to the end.
    pub(crate) took: Duration,
}

/// An answer whose body is still to come. The connection ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    begun: Instant,
    _connection: JoinSet<()>,
}

// === impl Ask ===

impl Ask {
    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn head(path: &str) -> Self {
        Self::new(Method::HEAD, path)
    }

    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn to(self, address: SocketAddr) -> Answer {
        self.open(address).await.rest().await
    }

    /// Asks and reads no more than the head.
    pub(crate) async fn open(self, address: SocketAddr) -> Flow {
        let what = format!("{} {}", self.method, self.path);
        let opened = timeout(PATIENCE, self.try_open(address)).await;
        let opened = opened.unwrap_or_else(|_| panic!("{what}: no answer"));
        opened.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Asks and reads no more than the head, or says why there is none.
    pub(crate) async fn try_open(
        self,
        address: SocketAddr,
    ) -> Result<Flow, Box<dyn std::error::Error + Send + Sync>> {
        let begun = Instant::now();
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // How it ended is seen by whoever reads the body.
            let _ = connection.await;
        });
        let mut request = Request::builder().method(self.method).uri(self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", address.to_string());
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = sender
            .send_request(request.body(Full::new(self.body))?)
            .await?;
        let (head, body) = response.into_parts();
        Ok(Flow {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            begun,
            _connection: task,
        })
    }
}

// === impl Flow ===

impl Flow {
    /// The next bytes; `None` at the end, an error if it broke off.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            match frame.expect("a body that moves")? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Since before the connection.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Reads at least so many bytes.
    pub(crate) async fn read(&mut self, least: usize) -> Bytes {
        let mut all = BytesMut::new();
        while all.len() < least {
            let bytes = self.next().await.expect("more bytes");
            all.extend_from_slice(&bytes.expect("a body that goes on"));
        }
        all.freeze()
    }

    /// Reads all that is still to come.
    pub(crate) async fn rest(mut self) -> Answer {
        let mut all = BytesMut::new();
        let is_whole = loop {
            match self.next().await {
                Some(Ok(bytes)) => all.extend_from_slice(&bytes),
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        Answer {
            status: self.status,
            headers: self.headers,
            body: all.freeze(),
            is_whole,
            took: self.begun.elapsed(),
        }
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the first error in the body.
    ///
    /// # Panics
    /// The body is no OCI error.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"));
        let errors: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        let code = errors["errors"][0]["code"].as_str();
        code.expect("an error of the distribution spec").to_owned()
    }

    /// All that it says but for its time; what differs by the name by which it was asked for, under one name.
    pub(crate) fn words(&self, name: &str) -> String {
        let mut headers = self.headers.clone();
        headers.remove("date");
        let text = format!("{} {headers:?} {}", self.status, self.text());
        text.replace(name, "NAME")
    }

    /// The status and the code of an error: what a client goes by.
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert!(self.status >= 400 && self.is_whole, "{self:?}");
        (self.status, self.code())
    }

    /// What a client makes of it, in few words.
    pub(crate) fn told(&self) -> String {
        match (self.status, self.is_whole, self.header("warning")) {
            (200..400, true, None) => self.status.to_string(),
            (200..400, true, Some(warning)) => format!("{}, {warning}", self.status),
            (200..400, false, _) => format!("{}, cut", self.status),
            _ => format!("{} {}", self.status, self.code()),
        }
    }

    /// This, whole and with nothing but these bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.status == StatusCode::OK.as_u16() && self.is_whole && self.body == bytes
    }
}
