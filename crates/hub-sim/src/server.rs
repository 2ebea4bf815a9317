//! The listeners, and the connections that belong to them.
//!
//! A listener can be closed and opened again on the same port; closing it ends its connections.
#![expect(
    clippy::disallowed_methods,
    reason = "the simulator plays the other side and owns its own tasks: each is aborted with its listener"
)]

use crate::route::Role;
use crate::serve::{Caller, Wire, serve};
use crate::state::State;
use crate::tls::Acceptor;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::server::TlsStream;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// How often a port is asked back, and how long is waited between.
const TRIES: u32 = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// One host's place on the network.
#[derive(Debug)]
pub(crate) struct Host {
    role: Role,
    address: SocketAddr,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The port is ours and nobody listens: connections are refused.
    Reserved(TcpSocket),
    /// Connections are served by this task.
    Open(AbortHandle),
    Gone,
}

impl Host {
    /// Takes a port (any free one for port 0) without listening yet.
    pub(crate) fn reserve(role: Role, address: SocketAddr) -> io::Result<Self> {
        let socket = reserve(address)?;
        Ok(Self {
            role,
            address: socket.local_addr()?,
            place: Place::Reserved(socket),
        })
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to listen, if it does not yet.
    pub(crate) fn open(&mut self, state: &Arc<State>, acceptor: &Arc<Acceptor>) -> io::Result<()> {
        match std::mem::replace(&mut self.place, Place::Gone) {
            Place::Reserved(socket) => {
                let listener = socket.listen(BACKLOG)?;
                let task = accept(listener, self.role, Arc::clone(state), Arc::clone(acceptor));
                self.place = Place::Open(tokio::spawn(task).abort_handle());
                Ok(())
            }
            other => {
                self.place = other;
                Ok(())
            }
        }
    }

    /// Ends all connections and refuses new ones until opened again.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        if let Place::Open(task) = std::mem::replace(&mut self.place, Place::Gone) {
            task.abort();
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
            self.place = Place::Reserved(reserve_again(self.address).await?);
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Place::Open(task) = &self.place {
            task.abort();
        }
    }
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of the last opening may still linger on the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes a port again that was just let go of. A process that the test begins at this moment holds a copy of the listener
/// from its fork to its exec.
async fn reserve_again(address: SocketAddr) -> io::Result<TcpSocket> {
    for _ in 1..TRIES {
        match reserve(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            outcome => return outcome,
        }
    }
    reserve(address)
}

async fn accept(listener: TcpListener, role: Role, state: Arc<State>, acceptor: Arc<Acceptor>) {
    // Aborting this task drops the set, which aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else {
                    // Out of descriptors: those of finished connections come back.
                    tokio::task::yield_now().await;
                    continue;
                };
                let caller = Caller { role, peer: peer.ip() };
                connections.spawn(connect(Arc::clone(&state), stream, caller, Arc::clone(&acceptor)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection from its first byte. What ends it early is the client's affair, not the simulator's.
async fn connect(state: Arc<State>, stream: TcpStream, caller: Caller, acceptor: Arc<Acceptor>) {
    let _ = stream.set_nodelay(true);
    let tls = acceptor.current();
    let _ = match tls {
        None => serve(&state, stream, caller).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(&state, stream, caller).await,
            Err(refused) => Err(refused),
        },
    };
}

// === impl Wire ===

impl Wire for TcpStream {
    fn reset(&self) {
        // Where this fails the connection closes in the ordinary way.
        let _ = self.set_zero_linger();
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}
