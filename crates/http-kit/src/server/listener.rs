//! A bound socket, TCP or Unix.
//!
//! Binding is apart from serving, so that the caller knows that the port is its own before it starts anything else.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use super::arrival::Arrival;

/// Connections that the kernel holds for us while we do not accept.
const BACKLOG: u32 = 4096;

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; peers have no address.
    Unix(UnixListener),
}

impl Listener {
    /// Binds a TCP address; port 0 takes a free one.
    pub fn bind_tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A successor may bind while connections of its predecessor linger.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Tcp(socket.listen(BACKLOG)?))
    }

    /// Binds a Unix socket at `path`, which must not exist. Its mode is the umask's affair or the caller's.
    pub fn bind_unix(path: &Path) -> io::Result<Self> {
        Ok(Self::Unix(UnixListener::bind(path)?))
    }

    /// The bound TCP address; none of a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// Gives out connections.
pub(super) trait Accept: Send + Sync + 'static {
    type Arrival: Arrival;
    /// The next connection.
    fn next(&self) -> impl Future<Output = io::Result<Self::Arrival>> + Send;
}

impl Accept for TcpListener {
    type Arrival = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        Ok(self.accept().await?.0)
    }
}

impl Accept for UnixListener {
    type Arrival = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}
