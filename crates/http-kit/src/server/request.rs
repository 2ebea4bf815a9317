//! What a handler is given: the request's body, its id, and who asks.
//!
//! Reading a request's body has an idle limit and, by the caller, a cap.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none over a Unix socket.
    pub address: Option<SocketAddr>,
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
    /// The client stopped sending: answer 408.
    #[error("the request's body stalled")]
    Idle,
    /// The connection broke, or the framing was wrong: nobody is left to answer.
    #[error("the request's body was cut")]
    Cut,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, idle: Duration) -> Self {
        Self { incoming, idle }
    }

    /// The next chunk; none after the last.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, RequestBodyError>> {
        loop {
            let frame = match tokio::time::timeout(self.idle, self.incoming.frame()).await {
                Err(_) => return Some(Err(RequestBodyError::Idle)),
                Ok(None) => return None,
                Ok(Some(Err(_))) => return Some(Err(RequestBodyError::Cut)),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(chunk) = frame.into_data() {
                return Some(Ok(chunk));
            }
        }
    }

    /// The whole body, if it has at most `max_bytes`.
    pub async fn read_capped(mut self, max_bytes: usize) -> Result<Bytes, RequestBodyError> {
        let too_large = RequestBodyError::TooLarge { limit: max_bytes };
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await.transpose()? {
            if whole.len() + chunk.len() > max_bytes {
                return Err(too_large);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}
