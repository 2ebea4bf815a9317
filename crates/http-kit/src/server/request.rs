//! What a handler is given: the request's body, its id, and who asks.
//!
//! Reading a request's body has an idle limit and, by the caller, a cap.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::buffers::{Buffers, Holder, NoRoom, Room};
use super::limits::ServeLimits;

/// Of a body so much is waited for at a time, in bytes: by the default limits 4 kbit/s are fast enough.
const LEAST_BYTES: usize = 16 * 1024;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none over a Unix socket.
    pub address: Option<SocketAddr>,
    /// The number of the user whose process it is, which the kernel knows of a Unix socket alone.
    pub uid: Option<u32>,
}

/// A request's name in logs and answers: unique in this process, and most likely among processes.
///
/// The handler finds it in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    process: u32,
    number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.process, self.number)
    }
}

/// Makes [`RequestId`]s.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        // The hasher's random keys are the standard library's only source of randomness, and enough to tell processes apart.
        let random = RandomState::new().hash_one(0_u8);
        Self {
            process: u32::try_from(random >> 32).unwrap_or_default(),
            next: AtomicU64::new(1),
        }
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId {
            process: self.process,
            number: self.next.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// A request's body. One that is not read to its end closes the connection after the response.
pub struct RequestBody {
    incoming: Incoming,
    idle: Duration,
    /// What has come of the next [`LEAST_BYTES`], and how long was waited for it.
    slice: (usize, Duration),
    within: Duration,
    buffers: Arc<Buffers>,
    /// Whose bytes they are.
    client: Option<IpAddr>,
}

/// A request's whole body. The server counts its bytes until this is dropped.
#[derive(Debug)]
pub struct WholeBody {
    bytes: Bytes,
    room: Room,
}

/// A request's body that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestBodyError {
    /// It is longer than the caller's cap: answer 413.
    #[error("the request's body is longer than {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// The client stopped sending, or sends next to nothing: answer 408.
    #[error("the request's body stalled")]
    Idle,
    /// The client sends too slowly: answer 408.
    #[error("the request's body did not come within {} s", limit.as_secs())]
    Slow {
        /// How long it had.
        limit: Duration,
    },
    /// The server holds as many bytes of bodies as it may, or as one address may have of them: answer 503, with when to come
    /// again.
    #[error(
        "the server holds as many bytes of requests as it may, or as one address may have of them"
    )]
    NoRoom,
    /// The connection broke, or the framing was wrong: nobody is left to answer.
    #[error("the request's body was cut")]
    Cut,
}

impl RequestBody {
    pub(super) fn new(
        incoming: Incoming,
        limits: &ServeLimits,
        (buffers, peer): (Arc<Buffers>, Peer),
    ) -> Self {
        Self {
            incoming,
            idle: limits.body_idle,
            slice: (0, Duration::ZERO),
            within: limits.body_within,
            buffers,
            client: peer.address.map(|address| address.ip()),
        }
    }

    /// As this client's, for whom the peer asks: a trusted proxy is nobody's body.
    #[must_use]
    pub fn of_client(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// The next chunk; none after the last. Of each 16 KiB that come, none is waited for longer than
    /// [`ServeLimits::body_idle`] in all: who sends a byte now and then does not hold a connection for ever. The time in which nobody
    /// asks for a chunk does not count.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, RequestBodyError>> {
        loop {
            let asked = Instant::now();
            let left = self.idle.saturating_sub(self.slice.1);
            let frame = match tokio::time::timeout(left, self.incoming.frame()).await {
                Err(_) => return Some(Err(RequestBodyError::Idle)),
                Ok(None) => return None,
                Ok(Some(Err(_))) => return Some(Err(RequestBodyError::Cut)),
                Ok(Some(Ok(frame))) => frame,
            };
            let chunk = frame.into_data().unwrap_or_default();
            self.slice.0 += chunk.len();
            self.slice.1 += asked.elapsed();
            if self.slice.0 >= LEAST_BYTES {
                self.slice = (0, Duration::ZERO);
            }
            if !chunk.is_empty() {
                return Some(Ok(chunk));
            }
        }
    }

    /// The whole body, if it has at most `max_bytes`; of who was let in, as far as that takes a login.
    ///
    /// # Errors
    /// It is longer, comes too slowly, or there is no room for it among those of others.
    pub async fn read_capped(self, max_bytes: usize) -> Result<WholeBody, RequestBodyError> {
        self.read_in_time(max_bytes, true).await
    }

    /// As [`read_capped`](Self::read_capped), of who is not known yet, for the login is in it: those together have a part of the room
    /// of their own.
    ///
    /// # Errors
    /// As there.
    pub async fn read_of_stranger(self, max_bytes: usize) -> Result<WholeBody, RequestBodyError> {
        self.read_in_time(max_bytes, false).await
    }

    async fn read_in_time(
        self,
        max_bytes: usize,
        is_let_in: bool,
    ) -> Result<WholeBody, RequestBodyError> {
        let limit = self.within;
        let read = tokio::time::timeout(limit, self.read_whole(max_bytes, is_let_in)).await;
        read.unwrap_or(Err(RequestBodyError::Slow { limit }))
    }

    async fn read_whole(
        mut self,
        max_bytes: usize,
        is_let_in: bool,
    ) -> Result<WholeBody, RequestBodyError> {
        let too_large = RequestBodyError::TooLarge { limit: max_bytes };
        let mut room = self.buffers.room_for(Holder {
            address: self.client,
            is_let_in,
        });
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await.transpose()? {
            let length = whole.len() + chunk.len();
            if length > max_bytes {
                return Err(too_large);
            }
            let grown = self.buffers.grow(&mut room, length).await;
            grown.map_err(|NoRoom| RequestBodyError::NoRoom)?;
            whole.extend_from_slice(&chunk);
        }
        let bytes = whole.freeze();
        Ok(WholeBody { bytes, room })
    }
}

impl WholeBody {
    /// The bytes, and the room that they are counted in: to be kept for as long as they are.
    pub fn into_parts(self) -> (Bytes, Room) {
        (self.bytes, self.room)
    }
}

impl Deref for WholeBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}
