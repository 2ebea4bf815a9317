//! A connection as it was accepted, before anything was agreed on.
//!
//! In clear it is open at once; TLS agrees first.

use std::future::Future;

use super::request::Peer;
use super::socket::Socket;
use super::tls::{Handshakes, Turn};

/// A connection as it was accepted.
pub(super) trait Arrival: Sized + Send + 'static {
    /// What it is once it is open.
    type Socket: Socket;

    /// Who is at the other end.
    fn sender(&self) -> Peer;

    /// Opens it; none where nothing is to be had of it. It is within the turn, if there is one, until it has asked something.
    fn open(
        self,
        handshakes: &Handshakes,
    ) -> impl Future<Output = Option<(Self::Socket, Option<Turn>)>> + Send;

    /// The socket, if an answer in clear would be understood there.
    fn in_clear(self) -> Option<Self::Socket>;
}

impl<S: Socket> Arrival for S {
    type Socket = S;

    fn sender(&self) -> Peer {
        self.peer()
    }

    async fn open(self, _: &Handshakes) -> Option<(S, Option<Turn>)> {
        self.tune();
        Some((self, None))
    }

    fn in_clear(self) -> Option<S> {
        Some(self)
    }
}
