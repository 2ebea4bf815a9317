//! The bytes of a blob on their way: as bytes, or where they lie, as whoever takes them can send them.
//!
//! Only what is kept here can be sent from where it lies; all else are bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::{FileSpan, SourceError};

/// The bytes of a blob as they come. An error ends it, and means that the bytes before it must not pass for the whole.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes, SourceError>> + Send>>;

/// The same in pieces.
pub type PieceStream = Pin<Box<dyn Stream<Item = Result<Piece, SourceError>> + Send>>;

/// A piece of a blob.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Its bytes.
    Bytes(Bytes),
    /// Where its bytes lie.
    File(FileSpan),
}

/// What reads a blob from where it is kept, once it is known in what form.
pub trait BlobReading: Send {
    /// Its bytes.
    fn into_bytes(self: Box<Self>) -> BlobStream;

    /// Its bytes where they lie, as far as they lie somewhere.
    fn into_pieces(self: Box<Self>) -> PieceStream;
}

/// A blob's bytes, before it is known in what form they are wanted. As a stream it gives bytes.
pub enum BlobBody {
    /// Bytes as they come.
    Stream(BlobStream),
    /// Kept here.
    Reading(Box<dyn BlobReading>),
}

impl BlobBody {
    /// As bytes.
    pub fn into_bytes(self) -> BlobStream {
        match self {
            Self::Stream(stream) => stream,
            Self::Reading(reading) => reading.into_bytes(),
        }
    }

    /// In pieces, for who can send files.
    pub fn into_pieces(self) -> PieceStream {
        match self {
            Self::Stream(stream) => Box::pin(stream.map(|bytes| bytes.map(Piece::Bytes))),
            Self::Reading(reading) => reading.into_pieces(),
        }
    }
}

impl From<BlobStream> for BlobBody {
    fn from(stream: BlobStream) -> Self {
        Self::Stream(stream)
    }
}

impl Stream for BlobBody {
    type Item = Result<Bytes, SourceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Reading(_) = *self {
            let nothing = Self::Stream(futures::stream::empty().boxed());
            *self = Self::Stream(std::mem::replace(&mut *self, nothing).into_bytes());
        }
        match &mut *self {
            Self::Stream(stream) => stream.as_mut().poll_next(cx),
            Self::Reading(_) => Poll::Ready(None),
        }
    }
}
