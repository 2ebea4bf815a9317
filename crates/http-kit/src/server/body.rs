//! The body of a response: nothing, bytes at hand, or a stream that may fail.
//!
//! A stream that fails, ends early or runs over its length breaks the connection: a response never ends cleanly then.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http_body::{Frame, SizeHint};

use super::buffers::Room;
use super::file_lane::{FileLane, PLACEHOLDER_BYTES};
use super::file_part::FilePart;

/// Any error that can cross a thread.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The body of a response.
#[derive(Debug, Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// These bytes.
    Full(Bytes),
    /// The bytes of a stream.
    Stream(BodyStream),
}

/// A stream of chunks, with its length where that is known.
pub struct BodyStream {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>,
    remaining: Option<u64>,
}

impl Body {
    /// Streams `chunks`. With `length`, the response has a Content-Length, and a stream that holds fewer or more bytes
    /// breaks the connection; without, the response is chunked.
    ///
    /// The stream is asked for a chunk only when the one before has gone to the socket: chunks of about 64 KiB keep a slow
    /// reader cheap.
    pub fn stream<S, E>(chunks: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::Stream(BodyStream {
            chunks: Box::pin(chunks.map_err(Into::into)),
            remaining: length,
        })
    }

    /// The same, counted in `room` until the last of its bytes are sent or nobody wants them any more. A stream, which has none at
    /// hand, is not.
    pub(super) fn held_in(self, room: Room) -> Self {
        match self {
            Self::Full(bytes) => Self::Full(Bytes::from_owner(Held { bytes, _room: room })),
            other => other,
        }
    }
}

/// Bytes with the room that they are counted in.
struct Held {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a body is made of where files can be sent by the kernel.
#[derive(Debug)]
pub enum BodyPart {
    /// These bytes.
    Bytes(Bytes),
    /// A part of a file.
    File(FilePart),
}

impl Body {
    /// Streams `parts` as [`stream`](Self::stream) does its chunks, on the connection of the request in whose extensions
    /// `lane` was: on any other one the connection ends.
    ///
    /// A file that is written to while the response lasts breaks it, wherever that was: what the kernel has taken and not sent
    /// yet lies in the file itself.
    pub fn parts<S, E>(parts: S, length: Option<u64>, lane: FileLane) -> Self
    where
        S: Stream<Item = Result<BodyPart, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let mut source = None::<FilePart>;
        let chunks = parts.flat_map(move |part| {
            let unchanged = source.as_ref().map_or(Ok(()), FilePart::check);
            let pieces = match (part, unchanged) {
                (Err(error), _) => Pieces::Bytes(Some(Err(error.into()))),
                (_, Err(error)) => Pieces::Bytes(Some(Err(error.into()))),
                (Ok(BodyPart::Bytes(bytes)), _) => Pieces::Bytes(Some(Ok(bytes))),
                (Ok(BodyPart::File(part)), _) => {
                    // The first of its file stays, which knows what the file was like then.
                    source = source.take().filter(|first| first.is_beside(&part));
                    source.get_or_insert_with(|| part.clone());
                    Pieces::File(part, lane.clone())
                }
            };
            stream::iter(pieces)
        });
        Self::stream(chunks, length)
    }
}

/// The chunks of one part.
enum Pieces {
    Bytes(Option<Result<Bytes, BoxError>>),
    File(FilePart, FileLane),
}

impl Iterator for Pieces {
    type Item = Result<Bytes, BoxError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Bytes(bytes) => bytes.take(),
            Self::File(rest, _) if rest.is_empty() => None,
            Self::File(rest, lane) => {
                let piece = rest.split_to(PLACEHOLDER_BYTES as u64);
                Some(lane.enter(piece).map_err(Into::into))
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Full(bytes)
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => stream
                .poll_chunk(cx)
                .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.remaining == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream
                .remaining
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl BodyStream {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        let next = std::task::ready!(self.chunks.as_mut().poll_next(cx));
        Poll::Ready(match (next, &mut self.remaining) {
            (Some(Ok(chunk)), Some(remaining)) => match remaining.checked_sub(chunk.len() as u64) {
                Some(left) => {
                    *remaining = left;
                    Some(Ok(chunk))
                }
                None => Some(Err(LengthMismatch::Over.into())),
            },
            (None, Some(1..)) => Some(Err(LengthMismatch::Short.into())),
            (next, _) => next,
        })
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyStream")
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum LengthMismatch {
    #[error("the body's stream ran over its length")]
    Over,
    #[error("the body's stream ended before its length")]
    Short,
}
