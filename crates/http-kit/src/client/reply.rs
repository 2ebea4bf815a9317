//! An upstream's answer, and its body as it comes.
//!
//! The body watches the peer: a stall, a drip and a cut are three different errors.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use url::Url;

use super::policy::{MinRate, Timeouts};
use crate::error::BodyError;

/// An answer whose head has come.
pub struct Reply {
    /// The status; never a redirect that was to be followed.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Who answered: the request's URL, or where redirects led. Its query may be a secret.
    pub url: Url,
    /// The address that answered; the proxy's where there is one.
    pub remote: SocketAddr,
    /// The body.
    pub body: ReplyBody,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("host", &self.url.host_str())
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// A body as it comes: a stream of chunks that ends after the last byte or after one error.
pub struct ReplyBody {
    incoming: Option<Incoming>,
    idle: Duration,
    min_rate: MinRate,
    received: u64,
    /// When the wait for the next chunk began, while one is on.
    waiting: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    /// The window of the minimum rate: time waited in it and bytes that came in it.
    window_waited: Duration,
    window_bytes: u64,
}

impl ReplyBody {
    pub(super) fn new(incoming: Incoming, timeouts: &Timeouts) -> Self {
        Self::over(Some(incoming), timeouts)
    }

    /// A body of no bytes.
    pub(super) fn empty(timeouts: &Timeouts) -> Self {
        Self::over(None, timeouts)
    }

    fn over(incoming: Option<Incoming>, timeouts: &Timeouts) -> Self {
        Self {
            incoming,
            idle: timeouts.idle,
            min_rate: timeouts.min_rate,
            received: 0,
            waiting: None,
            timer: Box::pin(tokio::time::sleep(timeouts.idle)),
            window_waited: Duration::ZERO,
            window_bytes: 0,
        }
    }

    /// Bytes that have come so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that are still to come, where the peer said how many.
    pub fn remaining(&self) -> Option<u64> {
        match &self.incoming {
            Some(incoming) => incoming.size_hint().exact(),
            None => Some(0),
        }
    }

    /// The next chunk; none after the last.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The whole body, if it has at most `max_bytes`.
    pub async fn read_capped(mut self, max_bytes: usize) -> Result<Bytes, BodyError> {
        let too_large = BodyError::TooLarge { limit: max_bytes };
        let expected = self.remaining().unwrap_or(0);
        if usize::try_from(expected).is_ok_and(|expected| expected > max_bytes) {
            return Err(too_large);
        }
        let Some(first) = self.next_chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if self.remaining() == Some(0) && first.len() <= max_bytes {
            return Ok(first);
        }
        let mut whole = BytesMut::from(first);
        while whole.len() <= max_bytes {
            match self.next_chunk().await.transpose()? {
                Some(chunk) => whole.extend_from_slice(&chunk),
                None => return Ok(whole.freeze()),
            }
        }
        Err(too_large)
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            self.timer.as_mut().reset(now + self.idle);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(BodyError::Idle {
            received: self.received,
        })
    }

    /// Takes note of a chunk; fails where the window is over and too little came in it.
    fn note(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.received += bytes;
        self.window_bytes += bytes;
        if let Some(since) = self.waiting.take() {
            self.window_waited += since.elapsed();
        }
        if self.window_waited < self.min_rate.window {
            return Ok(());
        }
        let enough = self.window_bytes >= self.min_rate.bytes;
        self.window_waited = Duration::ZERO;
        self.window_bytes = 0;
        if enough {
            Ok(())
        } else {
            Err(BodyError::TooSlow {
                received: self.received,
            })
        }
    }

    fn classify(&self, error: &hyper::Error) -> BodyError {
        let received = self.received;
        let is_framing = error.is_parse()
            || find_io(error).is_some_and(|io| {
                matches!(
                    io.kind(),
                    std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData
                )
            });
        if is_framing {
            BodyError::Malformed { received }
        } else {
            BodyError::Cut { received }
        }
    }

    fn end_with(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        // Dropping the rest closes the connection: it is of no more use.
        self.incoming = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let Some(incoming) = this.incoming.as_mut() else {
                return Poll::Ready(None);
            };
            let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) else {
                let stalled = ready!(this.poll_idle(cx));
                return this.end_with(stalled);
            };
            let chunk = match frame {
                None => {
                    this.incoming = None;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let error = this.classify(&error);
                    return this.end_with(error);
                }
                Some(Ok(frame)) => frame.into_data(),
            };
            // Trailers say nothing to us.
            let Ok(chunk) = chunk else { continue };
            if let Err(error) = this.note(chunk.len() as u64) {
                return this.end_with(error);
            }
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

fn find_io(error: &hyper::Error) -> Option<&std::io::Error> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref() {
            return Some(io);
        }
        next = cause.source();
    }
    None
}
