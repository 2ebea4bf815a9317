//! A TCP connection that is to speak TLS, and what it is afterwards.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::arrival::Arrival;
use super::super::file_part::FilePart;
use super::super::goodbye::{LINGER, say_goodbye};
use super::super::limits::HANDSHAKE_TIMEOUT;
use super::super::listener::Accept;
use super::super::request::Peer;
use super::super::socket::Socket;
use super::hello::{Hello, wait_for_hello};
use super::{Certificate, Handshakes, Secured, ServerTls, Turn};

/// What somebody reads who asks in clear where TLS is spoken, in the form that clients of registries show (OCI's distribution
/// spec, "Error codes").
const IN_CLEAR: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\
    content-type: application/json\r\ncontent-length: 113\r\n\r\n\
    {\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"this is an HTTP request, and the port speaks HTTPS: use https://\"}]}\n";

/// A TCP listener whose connections speak TLS.
pub(in super::super) struct SecureListener {
    listener: TcpListener,
    tls: ServerTls,
}

/// A connection before its handshake.
pub(in super::super) struct Incoming {
    socket: TcpStream,
    peer: Peer,
    tls: ServerTls,
}

/// A connection after it.
pub(in super::super) struct TlsSocket {
    // Large, and part of a task that is small without it.
    stream: Box<TlsStream<TcpStream>>,
    peer: Peer,
    secured: Arc<Secured>,
}

// === impl SecureListener ===

impl SecureListener {
    pub(in super::super) fn new(listener: TcpListener, tls: ServerTls) -> Self {
        Self { listener, tls }
    }
}

impl Accept for SecureListener {
    type Arrival = Incoming;

    async fn next(&self) -> io::Result<Incoming> {
        let (socket, address): (_, SocketAddr) = self.listener.accept().await?;
        Ok(Incoming {
            socket,
            peer: Peer {
                address: Some(address),
                uid: None,
            },
            tls: self.tls.clone(),
        })
    }
}

// === impl Incoming ===

impl Arrival for Incoming {
    type Socket = TlsSocket;

    fn sender(&self) -> Peer {
        self.peer
    }

    async fn open(self, handshakes: &Handshakes) -> Option<(TlsSocket, Option<Turn>)> {
        self.socket.tune();
        match wait_for_hello(&self.socket).await.ok()? {
            Hello::Tls => {}
            Hello::Request => {
                let _ = timeout(LINGER, Box::pin(say_goodbye(self.socket, IN_CLEAR))).await;
                return None;
            }
            Hello::Neither => return None,
        }
        let turn = handshakes.turn(self.peer).await?;
        let peer = self.peer;
        let agreed = timeout(HANDSHAKE_TIMEOUT, Box::pin(self.agree())).await;
        match agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(socket) => Some((socket, Some(turn))),
            Err(error) => {
                handshakes.note_failure(peer, &error);
                None
            }
        }
    }

    fn in_clear(self) -> Option<TlsSocket> {
        None
    }
}

impl Incoming {
    async fn agree(self) -> io::Result<TlsSocket> {
        // What is current now, however long it has waited for its turn.
        let acceptor = TlsAcceptor::from(self.tls.current());
        let stream = Box::new(acceptor.accept(self.socket).await?);
        let shown = stream.get_ref().1.peer_certificates();
        let client = shown.and_then(<[_]>::first).map(read).transpose()?;
        Ok(TlsSocket {
            stream,
            peer: self.peer,
            secured: Arc::new(Secured { client }),
        })
    }
}

/// Whom a certificate names. One that rustls takes and that cannot be read names nobody, and nobody may come as nobody.
fn read(shown: &CertificateDer<'_>) -> io::Result<Certificate> {
    Certificate::read(shown).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

// === impl TlsSocket ===

impl Socket for TlsSocket {
    const SENDS_FILES: bool = false;

    fn peer(&self) -> Peer {
        self.peer
    }

    /// It was tuned before.
    fn tune(&self) {}

    fn secured(&self) -> Option<Arc<Secured>> {
        Some(Arc::clone(&self.secured))
    }

    /// What the kernel sends, it sends in clear.
    fn poll_send_file(&self, _: &mut Context<'_>, _: &FilePart) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("no file is sent in clear within TLS")))
    }
}

impl AsyncRead for TlsSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_clear_is_as_long_as_it_says() {
        let (head, body) = IN_CLEAR.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
    }
}
