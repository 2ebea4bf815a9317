//! A connection to a peer, with a tap on what it sends first.
//!
//! Docker Hub's abuse limit is no HTTP: its first bytes are all that tells what it was.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of a malformed answer is kept.
pub const MALFORMED_HEAD_BYTES: usize = 2 * 1024;

/// Anything that bytes go through: TCP, or TLS over it, or TLS over that.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Wire for T {}

/// A connection for the pool.
pub(super) struct Link {
    wire: Box<dyn Wire>,
    tap: Tap,
    proxied: bool,
}

/// What is known of a connection, beside its bytes. It comes with every answer and every error.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    shared: Arc<TapState>,
}

#[derive(Debug)]
struct TapState {
    remote: SocketAddr,
    /// Answers that came whole so far.
    answers: AtomicU64,
    /// True from a request's first byte until its answer's head is understood.
    recording: AtomicBool,
    head: Mutex<Vec<u8>>,
}

impl Link {
    pub(super) fn new(wire: Box<dyn Wire>, remote: SocketAddr) -> Self {
        let shared = Arc::new(TapState {
            remote,
            answers: AtomicU64::new(0),
            recording: AtomicBool::new(false),
            head: Mutex::new(Vec::new()),
        });
        Self {
            wire,
            tap: Tap { shared },
            proxied: false,
        }
    }

    /// Says that the other end is a proxy, which wants whole URLs.
    pub(super) fn through_proxy(mut self) -> Self {
        self.proxied = true;
        self
    }
}

impl Tap {
    /// The address at the other end.
    pub(super) fn remote(&self) -> SocketAddr {
        self.shared.remote
    }

    /// Takes note that an answer's head was understood: nothing more is recorded until the next request.
    pub(super) fn note_answer(&self) {
        self.shared.recording.store(false, Ordering::Relaxed);
        self.shared.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// True where this connection has served an answer before.
    pub(super) fn was_used(&self) -> bool {
        self.shared.answers.load(Ordering::Relaxed) > 0
    }

    /// The first bytes that came for the present request.
    pub(super) fn head(&self) -> Bytes {
        Bytes::copy_from_slice(&self.lock())
    }

    fn begin(&self) {
        if !self.shared.recording.swap(true, Ordering::Relaxed) {
            self.lock().clear();
        }
    }

    fn record(&self, bytes: &[u8]) {
        if bytes.is_empty() || !self.shared.recording.load(Ordering::Relaxed) {
            return;
        }
        let mut head = self.lock();
        let room = MALFORMED_HEAD_BYTES.saturating_sub(head.len());
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.shared
            .head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied).extra(self.tap.clone())
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buf))?;
        self.tap.record(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tap.begin();
        Pin::new(&mut self.wire).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.tap.begin();
        Pin::new(&mut self.wire).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
