//! A scripted upstream: what it answers is written down byte for byte, and what it was asked is kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_http_kit::{AddressPolicy, Client, ClientPolicy, MinRate, Outgoing, Timeouts};
use forebay_jobs::Supervisor;
use http::{HeaderValue, Method};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

/// One thing that an upstream does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends one byte again and again, with a pause after each, until the client goes.
    Drip(u8, Duration),
    /// Sends these bytes again and again until the client goes.
    Flood(Vec<u8>),
    /// Does nothing until the client goes.
    Hang,
    /// Closes the connection.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    /// Which request it was, from 0.
    pub(crate) number: usize,
    /// Its head, in lower case but for the first line.
    pub(crate) head: String,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::trim)
    }
}

type Answers = Arc<dyn Fn(&Seen) -> Vec<Step> + Send + Sync>;

/// A server on loopback that follows a script.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    answers: Answers,
    tasks: Supervisor,
}

impl Upstream {
    pub(crate) async fn start(
        answers: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1", answers).await
    }

    /// Listens on another address of loopback: another host for every rule about hosts.
    pub(crate) async fn start_at(
        host: &str,
        answers: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let (upstream, listener) = Self::bind(host, answers).await;
        let server = upstream.clone();
        upstream.tasks.spawn("upstream", async move {
            while let Ok((socket, _)) = listener.accept().await {
                server.serve(socket);
            }
        });
        upstream
    }

    /// The server and its listener, for who wants to put something between them.
    pub(crate) async fn bind(
        host: &str,
        answers: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> (Self, TcpListener) {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
            answers: Arc::new(answers),
            tasks: Supervisor::new(),
        };
        (upstream, listener)
    }

    /// Takes a connection.
    pub(crate) fn serve(&self, wire: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let server = self.clone();
        let connection = {
            let mut connections = self.connections.lock().unwrap();
            *connections += 1;
            *connections - 1
        };
        self.tasks.spawn("upstream connection", async move {
            server.converse(wire, connection).await;
        });
    }

    pub(crate) fn tasks(&self) -> &Supervisor {
        &self.tasks
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// A policy with short time-outs that may dial this upstream.
    pub(crate) fn policy(&self) -> ClientPolicy {
        ClientPolicy {
            addresses: self.allowed_by(AddressPolicy::public_only()),
            ..impatient()
        }
    }

    pub(crate) fn allowed_by(&self, policy: AddressPolicy) -> AddressPolicy {
        policy.allow_origin(&self.address.ip().to_string(), self.address.port())
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.policy()).unwrap()
    }

    async fn converse(&self, mut wire: impl AsyncRead + AsyncWrite + Unpin, connection: usize) {
        while let Some(head) = read_head(&mut wire).await {
            let seen = {
                let mut all = self.seen.lock().unwrap();
                let number = all.len();
                all.push(Seen {
                    connection,
                    number,
                    head,
                });
                all[number].clone()
            };
            for step in (self.answers)(&seen) {
                if follow(&mut wire, step).await.is_none() {
                    return;
                }
            }
        }
    }
}

async fn follow(wire: &mut (impl AsyncRead + AsyncWrite + Unpin), step: Step) -> Option<()> {
    match step {
        Step::Send(bytes) => wire.write_all(&bytes).await.ok()?,
        Step::Drip(byte, pause) => loop {
            wire.write_all(&[byte]).await.ok()?;
            wire.flush().await.ok()?;
            tokio::time::sleep(pause).await;
        },
        Step::Flood(bytes) => loop {
            wire.write_all(&bytes).await.ok()?;
        },
        Step::Hang => {
            while wire.read_u8().await.is_ok() {}
            return None;
        }
        Step::Close => {
            wire.shutdown().await.ok()?;
            return None;
        }
    }
    wire.flush().await.ok()
}

/// Reads one request with its body, by its Content-Length.
async fn read_head(wire: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(wire.read_u8().await.ok()?);
    }
    let text = String::from_utf8(bytes).unwrap();
    let (first, rest) = text.split_once("\r\n").unwrap();
    let head = format!("{first}\r\n{}", rest.to_lowercase());
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    wire.read_exact(&mut body).await.ok()?;
    Some(head)
}

/// A policy whose time-outs end in the time of a test.
pub(crate) fn impatient() -> ClientPolicy {
    let mut policy = ClientPolicy::new(HeaderValue::from_static("forebay-test"));
    policy.timeouts = Timeouts {
        connect: Duration::from_secs(5),
        header: Duration::from_millis(400),
        idle: Duration::from_millis(400),
        min_rate: MinRate {
            bytes: 1000,
            window: Duration::from_millis(200),
        },
    };
    policy
}

/// An answer with this head (without the status line's `HTTP/1.1 `) and body.
pub(crate) fn answer(head: &str, body: &str) -> Vec<Step> {
    vec![Step::Send(
        format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes(),
    )]
}

/// 200 with this body.
pub(crate) fn ok(body: &str) -> Vec<Step> {
    answer(&format!("200 OK\r\ncontent-length: {}", body.len()), body)
}

/// A redirect.
pub(crate) fn redirect(status: u16, location: &str) -> Vec<Step> {
    answer(
        &format!("{status} Moved\r\ncontent-length: 0\r\nlocation: {location}"),
        "",
    )
}

pub(crate) fn get(url: Url) -> Outgoing {
    Outgoing::new(Method::GET, url)
}
