//! Reads a blob for one client from where it lies at rest.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{
    BlobBody, BlobError, BlobReader, BlobReading, BlobStream, Piece, PieceStream, SourceError,
};
use futures::stream;

/// One client's reading.
struct Reading {
    reader: Arc<dyn BlobReader>,
    wanted: Range<u64>,
}

/// The bytes `wanted` of an open blob.
pub(crate) fn body(reader: Arc<dyn BlobReader>, wanted: Range<u64>) -> BlobBody {
    BlobBody::Reading(Box::new(Reading { reader, wanted }))
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        if self.wanted.is_empty() {
            return Ok(None);
        }
        let read = self.reader.read(self.wanted.start).await;
        let mut bytes = read.map_err(SourceError::internal)?;
        if bytes.is_empty() {
            let short = BlobError::Corrupt("shorter than it was");
            return Err(SourceError::internal(short));
        }
        let left = usize::try_from(self.wanted.end - self.wanted.start).unwrap_or(usize::MAX);
        bytes.truncate(left);
        self.wanted.start += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// The next piece, where it lies if it lies somewhere.
    async fn next_piece(&mut self) -> Result<Option<Piece>, SourceError> {
        let left = self.wanted.end.saturating_sub(self.wanted.start);
        // What cannot be lent is read, which meets the same trouble if there is one.
        if let Ok(Some(span)) = self.reader.lend(self.wanted.start, left).await {
            self.wanted.start += span.range.end - span.range.start;
            return Ok(Some(Piece::File(span)));
        }
        Ok(self.next().await?.map(Piece::Bytes))
    }
}

impl BlobReading for Reading {
    fn into_bytes(self: Box<Self>) -> BlobStream {
        Box::pin(stream::try_unfold(self, |mut reading| async move {
            let bytes = reading.next().await?;
            Ok(bytes.map(|bytes| (bytes, reading)))
        }))
    }

    fn into_pieces(self: Box<Self>) -> PieceStream {
        Box::pin(stream::try_unfold(self, |mut reading| async move {
            let piece = reading.next_piece().await?;
            Ok(piece.map(|piece| (piece, reading)))
        }))
    }
}
