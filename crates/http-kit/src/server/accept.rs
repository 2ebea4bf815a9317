//! Accepts connections, up to the limit, and lives on when the process runs out of file descriptors.
//!
//! A connection too many hears 503 before it is closed.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use forebay_jobs::Supervisor;
use http::StatusCode;
use tokio::time::timeout;

use super::arrival::Arrival;
use super::connection::serve_connection;
use super::connections::NoPlace;
use super::goodbye::{LINGER, say_at_once, say_goodbye};
use super::listener::{Accept, Listener};
use super::refusal::last_words;
use super::seldom::Seldom;
use super::tls::{SecureListener, ServerTls};
use super::{Handler, Shared};

/// The accept loop's pause after a failed accept, and how long it waits for the one that gets the spare descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// One listener's accept loop.
pub(super) struct Acceptor<H> {
    shared: Arc<Shared<H>>,
    supervisor: Supervisor,
    spare: Option<File>,
    out_of_files: Seldom,
    out_of_places: Seldom,
}

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

    /// Accepts until the supervisor stops; with `tls`, speaks that over TCP.
    pub(super) async fn run(self, listener: Listener, tls: Option<ServerTls>) {
        match (listener, tls) {
            (Listener::Tcp(tcp), Some(tls)) => self.run_on(SecureListener::new(tcp, tls)).await,
            (Listener::Tcp(tcp), None) => self.run_on(tcp).await,
            (Listener::Unix(unix), _) => self.run_on(unix).await,
        }
    }

    async fn run_on<L: Accept>(mut self, listener: L) {
        let supervisor = self.supervisor.clone();
        let accepting = async {
            loop {
                match listener.next().await {
                    Ok(arrived) => self.admit(arrived).await,
                    Err(error) => self.recover(&error, &listener).await,
                }
            }
        };
        tokio::select! {
            () = supervisor.stopping() => {}
            () = accepting => {}
        }
    }

    async fn admit<A: Arrival>(&mut self, arrived: A) {
        let place = match self.shared.connections.admit(arrived.sender()) {
            Ok(place) => place,
            Err(why) => {
                self.warn_of(why);
                self.shed(arrived).await;
                return;
            }
        };
        let (shared, supervisor) = (self.shared.clone(), self.supervisor.clone());
        self.supervisor.spawn("connection", async move {
            serve_connection(shared, arrived, supervisor).await;
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

    async fn shed<A: Arrival>(&self, arrived: A) {
        // Nothing that is worth its handshake can be told to one that speaks TLS: it is closed.
        let Some(socket) = arrived.in_clear() else {
            return;
        };
        let answer = shed_answer::<H>();
        let Ok(permit) = self.shared.shedding.clone().try_acquire_owned() else {
            let _ = timeout(BACK_OFF, say_at_once(socket, &answer)).await;
            return;
        };
        self.supervisor.spawn("shed", async move {
            let _ = timeout(LINGER, say_goodbye(socket, &answer)).await;
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
            && let Ok(Ok(arrived)) = timeout(BACK_OFF, listener.next()).await
        {
            if let Some(socket) = arrived.in_clear() {
                let _ = timeout(BACK_OFF, say_at_once(socket, &shed_answer::<H>())).await;
            }
        } else {
            tokio::time::sleep(BACK_OFF).await;
        }
        self.spare = open_spare();
    }
}

/// What a connection too many is told.
fn shed_answer<H: Handler>() -> String {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    last_words(status, "retry-after: 1\r\n", H::refusal)
}

/// A file descriptor kept for the hour when there is none left.
fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}
