//! An open socket, TCP or Unix, in clear or within TLS, as the rest of the listener needs it.
//!
//! Options are set here, once, at the door.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};

use super::file_part::FilePart;
use super::request::Peer;
use super::tls::Secured;

/// Unsent bytes that the kernel takes of a slow reader. Little, so that "the socket takes more" means that the reader moved,
/// and so that a thousand slow readers cost little; bytes on the wire are not counted, so a fast one is not held up.
const UNSENT_BYTES: u32 = 128 * 1024;

/// An open socket.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static {
    /// Whether the kernel can send files through it.
    const SENDS_FILES: bool;
    /// Who is at the other end.
    fn peer(&self) -> Peer;
    /// Sets the options that we want. That one cannot be set is no reason to refuse a client.
    fn tune(&self);
    /// What TLS knows of the other end; none in clear.
    fn secured(&self) -> Option<Arc<Secured>> {
        None
    }
    /// Lets the kernel send from the beginning of `part` on: how many bytes, 0 where the file ends before.
    fn poll_send_file(&self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>>;
}

/// The socket's readiness was a mistake, or a signal came first.
fn is_to_be_repeated(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

impl Socket for TcpStream {
    const SENDS_FILES: bool = true;

    fn peer(&self) -> Peer {
        Peer {
            address: self.peer_addr().ok(),
            uid: None,
        }
    }

    fn tune(&self) {
        let _ = self.set_nodelay(true);
        let _ = SockRef::from(self).set_tcp_notsent_lowat(UNSENT_BYTES);
    }

    fn poll_send_file(&self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_io(Interest::WRITABLE, || part.send(self)) {
                Err(error) if is_to_be_repeated(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl Socket for UnixStream {
    const SENDS_FILES: bool = true;

    fn peer(&self) -> Peer {
        Peer {
            address: None,
            uid: self.peer_cred().ok().map(|peer| peer.uid()),
        }
    }

    fn tune(&self) {}

    fn poll_send_file(&self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_io(Interest::WRITABLE, || part.send(self)) {
                Err(error) if is_to_be_repeated(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}
