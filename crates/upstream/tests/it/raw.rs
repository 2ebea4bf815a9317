//! A server that answers whatever a test writes, for what no hub would say.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use forebay_jobs::Supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const MAX_HEAD_BYTES: usize = 64 * 1024;

/// After what ends with this nothing comes, and the connection stays until it is let go.
pub(crate) const HANG: &str = "\0hang";

/// Answers one request a connection, and remembers the heads of all.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    /// Whether what hangs is let go.
    is_let_go: watch::Sender<bool>,
}

type Answer = dyn Fn(&str) -> String + Send + Sync;

impl RawServer {
    /// Listens on `ip` and answers each request's head, in lower case, with what `answer` says.
    pub(crate) async fn start(
        ip: &str,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let answer: Arc<Answer> = Arc::new(answer);
        let (is_let_go, hanging) = watch::channel(false);
        let supervisor = Supervisor::new();
        let connections = supervisor.clone();
        supervisor.spawn("raw server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let served = serve(stream, (seen, answer), hanging.clone());
                connections.spawn("raw connection", served);
            }
        });
        Self {
            address,
            heads,
            is_let_go,
        }
    }

    /// Ends the connections that hang, and those that would.
    pub(crate) fn let_go(&self) {
        self.is_let_go.send_replace(true);
    }

    /// Has connections hang again.
    pub(crate) fn hold(&self) {
        self.is_let_go.send_replace(false);
    }

    /// The heads of the requests that came, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// An answer of this status with these header lines and this body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

async fn serve(
    mut stream: TcpStream,
    (seen, answer): (Arc<Mutex<Vec<String>>>, Arc<Answer>),
    mut is_let_go: watch::Receiver<bool>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let reply = answer(&head);
    seen.lock().unwrap().push(head);
    if let Some(start) = reply.strip_suffix(HANG) {
        let _ = stream.write_all(start.as_bytes()).await;
        // Or until the other side has enough.
        tokio::select! {
            _ = stream.read_u8() => {}
            _ = is_let_go.wait_for(|is_let_go| *is_let_go) => {}
        }
        return;
    }
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}
