//! A client that speaks byte for byte, one connection a request.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Request;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest that any test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    line: String,
    headers: String,
    body: Vec<u8>,
    has_host: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Ask {
    /// `GET /v2/`, say.
    pub(crate) fn new(line: &str) -> Self {
        Self {
            line: line.to_owned(),
            headers: String::new(),
            body: Vec::new(),
            has_host: false,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.has_host |= name == "host";
        write!(self.headers, "{name}: {value}\r\n").expect("a string takes all");
        self
    }

    /// With a password.
    pub(crate) fn login(self, name: &str, password: &str) -> Self {
        let credential = BASE64_STANDARD.encode(format!("{name}:{password}"));
        self.header("authorization", &format!("Basic {credential}"))
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it over HTTP/2, with a body that does not end if it is `open`, and leaves once `until` is over: its request alone is
    /// given up then, and that is seen at once.
    pub(crate) async fn leave(self, address: SocketAddr, is_open: bool, until: impl Future) {
        let (method, path) = self.line.split_once(' ').expect("a method and a path");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"));
        for line in self.headers.lines() {
            let (name, value) = line.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(self.body)))]);
        let body = if is_open {
            StreamBody::new(first.chain(stream::pending()).boxed())
        } else {
            StreamBody::new(first.boxed())
        };
        let socket = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let answer = sender.send_request(request.body(body).unwrap());
        tokio::select! {
            answer = answer => panic!("answered: {answer:?}"),
            _ = until => {}
        }
        drop(sender);
        // What is left to be sent is the end of the request.
        let _ = timeout(PATIENCE, tasks.join_next()).await;
    }

    /// Sends it and hears the whole answer.
    pub(crate) async fn to(self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let Self {
            line,
            headers,
            body,
            has_host,
        } = self;
        let host = if has_host {
            String::new()
        } else {
            format!("host: {address}\r\n")
        };
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\n{host}{headers}connection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
        read.expect("an answer").unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        Answer {
            status: status.parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }
}
