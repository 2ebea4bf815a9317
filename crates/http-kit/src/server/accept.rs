//! Accepts connections, up to the limit, and lives on when the process runs out of file descriptors.
//!
//! A connection too many hears 503 before it is closed.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use forebay_jobs::Supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::connection::serve_connection;
use super::connections::NoPlace;
use super::listener::{Accept, Listener};
use super::socket::Socket;
use super::{Handler, Shared};

/// How long a connection too many may take to say what it wants before it is refused.
const HEAR_OUT: Duration = Duration::from_millis(50);
/// How long a connection that was told 503 has to read it and hang up.
const LINGER: Duration = Duration::from_secs(1);
/// The two together where the accept loop itself tells it: those behind wait for it.
const AT_ONCE: Duration = Duration::from_millis(2);
/// The accept loop's pause after a failed accept, and how long it waits for the one that gets the spare descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often the log is told that connections are refused, and why.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// One listener's accept loop.
pub(super) struct Acceptor<H> {
    shared: Arc<Shared<H>>,
    supervisor: Supervisor,
    spare: Option<File>,
    out_of_files: Seldom,
    out_of_places: Seldom,
}

/// Lets something be said once in a while.
#[derive(Default)]
struct Seldom(Option<Instant>);

impl<H: Handler> Acceptor<H> {
    pub(super) fn new(shared: Arc<Shared<H>>, supervisor: Supervisor) -> Self {
        Self {
            shared,
            supervisor,
            spare: open_spare(),
            out_of_files: Seldom::default(),
            out_of_places: Seldom::default(),
        }
    }

    /// Accepts until the supervisor stops.
    pub(super) async fn run(self, listener: Listener) {
        match listener {
            Listener::Tcp(tcp) => self.run_on(tcp).await,
            Listener::Unix(unix) => self.run_on(unix).await,
        }
    }

    async fn run_on<L: Accept>(mut self, listener: L) {
        let supervisor = self.supervisor.clone();
        let accepting = async {
            loop {
                match listener.next().await {
                    Ok(socket) => self.admit(socket).await,
                    Err(error) => self.recover(&error, &listener).await,
                }
            }
        };
        tokio::select! {
            () = supervisor.stopping() => {}
            () = accepting => {}
        }
    }

    async fn admit<S: Socket>(&mut self, socket: S) {
        let place = match self.shared.connections.admit(socket.peer()) {
            Ok(place) => place,
            Err(why) => {
                self.warn_of(why);
                self.shed(socket).await;
                return;
            }
        };
        let (shared, supervisor) = (self.shared.clone(), self.supervisor.clone());
        self.supervisor.spawn("connection", async move {
            serve_connection(shared, socket, supervisor).await;
            drop(place);
        });
    }

    fn warn_of(&mut self, why: NoPlace) {
        if !self.out_of_places.is_due() {
            return;
        }
        let max_connections = self.shared.limits.max_connections;
        match why {
            NoPlace::Full => tracing::warn!(
                max_connections,
                "as many connections as there may be are open: new ones are refused"
            ),
            NoPlace::ShareTaken(client) => tracing::warn!(
                %client,
                max_connections,
                "one client has as many connections as one may have: new ones of it are refused"
            ),
        }
    }

    async fn shed<S: Socket>(&self, socket: S) {
        let answer = self.shed_answer();
        let Ok(permit) = self.shared.shedding.clone().try_acquire_owned() else {
            let _ = timeout(BACK_OFF, say_at_once(socket, answer)).await;
            return;
        };
        self.supervisor.spawn("shed", async move {
            let _ = timeout(LINGER, say_goodbye(socket, answer)).await;
            drop(permit);
        });
    }

    /// Out of descriptors: the spare one is given up to let the client in that waits longest, and tell it so.
    ///
    /// Any other error is that client's own (it hung up, say). Either way there is a pause: the loop must not spin.
    async fn recover<L: Accept>(&mut self, error: &io::Error, listener: &L) {
        let is_out_of_files = matches!(
            rustix::io::Errno::from_io_error(error),
            Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
        );
        if !is_out_of_files {
            tracing::debug!(%error, "a connection was not accepted");
            tokio::time::sleep(BACK_OFF).await;
            return;
        }
        if self.out_of_files.is_due() {
            tracing::warn!("out of file descriptors: new connections are refused");
        }
        if self.spare.take().is_some()
            && let Ok(Ok(socket)) = timeout(BACK_OFF, listener.next()).await
        {
            let _ = timeout(BACK_OFF, say_at_once(socket, self.shed_answer())).await;
        } else {
            tokio::time::sleep(BACK_OFF).await;
        }
        self.spare = open_spare();
    }

    fn shed_answer(&self) -> String {
        let body = self.shared.limits.shed_body;
        let length = body.len();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }
}

impl Seldom {
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|at| at.elapsed() >= WARN_EVERY);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

/// A file descriptor kept for the hour when there is none left.
fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Sends `answer` and waits for the client to hang up: closing while its request lies unread would reset the connection,
/// and the answer with it.
///
/// The request is heard first, for a moment: clients take an answer that comes before they have asked for nonsense.
async fn say_goodbye<S: Socket>(mut socket: S, answer: String) {
    let mut ignored = [0; 512];
    let heard = timeout(HEAR_OUT, socket.read(&mut ignored)).await;
    if socket.write_all(answer.as_bytes()).await.is_err() || socket.shutdown().await.is_err() {
        return;
    }
    // Of one that has said nothing nothing lies unread: it must not hold the place of one that has.
    if heard.is_err() {
        return;
    }
    while matches!(socket.read(&mut ignored).await, Ok(1..)) {}
}

/// The same where there is no time: what has come by now is heard, and nobody is waited for.
async fn say_at_once<S: Socket>(mut socket: S, answer: String) {
    let mut ignored = [0; 4096];
    let _ = timeout(AT_ONCE, socket.read(&mut ignored)).await;
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}
