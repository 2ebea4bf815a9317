//! A socket with what was read of it already in front, counters on what goes through, and files sent by the kernel.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::file_lane::{FileLane, Front};
use super::file_part::FilePart;
use super::refusal::OwnAnswer;
use super::socket::Socket;

/// What is copied at once where the kernel cannot send from a file by itself, in bytes.
const COPY_BYTES: usize = 16 * 1024;

/// The transport that hyper is given.
pub(super) struct Channel<S> {
    socket: S,
    /// Read before hyper came; given to it first.
    preface: Vec<u8>,
    /// How much of it was given.
    given: usize,
    activity: Arc<Activity>,
    lane: FileLane,
    /// Over HTTP/1 alone: over HTTP/2 hyper speaks all the time.
    own: Option<OwnAnswer>,
    /// True if time has passed since it was last looked at files: their parts were made a moment ago otherwise.
    has_waited: bool,
}

impl<S> Channel<S> {
    pub(super) fn new(socket: S, preface: Vec<u8>, activity: Arc<Activity>) -> Self {
        Self {
            socket,
            preface,
            given: 0,
            activity,
            lane: FileLane::default(),
            own: None,
            has_waited: false,
        }
    }

    /// With words for what hyper answers by itself.
    pub(super) fn with_own(self, own: Option<OwnAnswer>) -> Self {
        Self { own, ..self }
    }

    /// The files that are to go out through here.
    pub(super) fn lane(&self) -> FileLane {
        self.lane.clone()
    }

    fn give_preface(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.preface[self.given..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.given += count;
        if self.given == self.preface.len() {
            // The memory goes back: the connection may live long.
            self.preface = Vec::new();
            self.given = 0;
        }
    }

    fn note(&mut self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => {
                self.has_waited = true;
                self.activity.note_write_blocked();
            }
            Poll::Ready(Ok(1..)) => self.activity.note_written(),
            Poll::Ready(_) => {}
        }
    }
}

impl<S: Socket> AsyncRead for Channel<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.preface.is_empty() {
            self.give_preface(buf);
            self.activity.note_read();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.activity.note_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> Channel<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if let Some(own) = &mut self.own
            && own.in_place_of(bufs, &self.activity).is_some()
        {
            return self.poll_send_own(cx, bufs);
        }
        match self.lane.front(bufs)? {
            Front::Bytes(count) => {
                Pin::new(&mut self.socket).poll_write_vectored(cx, &bufs[..count])
            }
            Front::File(part) => {
                if std::mem::take(&mut self.has_waited) {
                    part.check()?;
                }
                let sent = ready!(self.poll_send_part(cx, &part))?;
                self.lane.sent(sent);
                Poll::Ready(Ok(sent))
            }
        }
    }

    /// Sends a whole answer in the place of `bufs`, and says that these were sent.
    fn poll_send_own(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        while let Some(own) = &mut self.own
            && let Some(rest @ [_, ..]) = own.in_place_of(bufs, &self.activity)
        {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => own.advance(count),
            }
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn poll_send_part(&mut self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>> {
        match ready!(self.socket.poll_send_file(cx, part)) {
            // Cut since it was looked at: nothing would ever come.
            Ok(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            // Not every file system lets the kernel send from it.
            Err(error) if is_unsupported(&error) => {
                let mut copy = [0; COPY_BYTES];
                let count = part.read(&mut copy)?;
                Pin::new(&mut self.socket).poll_write(cx, &copy[..count])
            }
            sent => Poll::Ready(sent),
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
    )
}

impl<S: Socket> AsyncWrite for Channel<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_send(cx, &[IoSlice::new(buf)]);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_send(cx, bufs);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Within TLS, bytes that were taken may still wait for the socket.
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        let this = &mut *self;
        if let (Poll::Ready(Ok(())), Some(own)) = (&flushed, &mut this.own) {
            own.note_flushed(&this.activity);
        }
        match &flushed {
            Poll::Pending => self.activity.note_write_blocked(),
            Poll::Ready(Ok(())) if self.activity.is_write_blocked() => self.activity.note_written(),
            Poll::Ready(_) => {}
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
