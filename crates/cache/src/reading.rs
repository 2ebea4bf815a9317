//! Reads a blob for one client, wherever its bytes are: at rest, in a fill, or passed on from the upstream.
//!
//! The source may change under the reader without the client's noticing: damage at rest turns into a fill that heals it, a
//! fill whose disk fails turns into bytes passed on. What has been sent stays true, because every chunk was checked.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{
    BlobBody, BlobError, BlobReader, BlobReading, BlobStream, ByteRange, Piece, PieceStream,
    Request, SourceError,
};
use forebay_oci::{Digest, Hasher};
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::caching_source::Inner;
use crate::fill::{Fill, Phase, Progress};
use crate::leftover::Leftover;
use crate::passing::{Passing, skip};

/// One client's reading.
pub(crate) struct Reading {
    inner: Arc<Inner>,
    request: Request,
    digest: Digest,
    from: From,
    wanted: Range<u64>,
}

enum From {
    Rest(Arc<dyn BlobReader>),
    Fill(watch::Receiver<Progress>),
    Upstream(BlobStream),
}

/// What a look at a fill tells a reader to do.
enum Step {
    Read(Arc<dyn BlobReader>, u64),
    GoOnAlone {
        leftover: Arc<Leftover>,
        at: u64,
        size: Option<u64>,
    },
    End,
}

impl Reading {
    /// Reads a blob that is at rest.
    pub(crate) fn at_rest(
        inner: Arc<Inner>,
        request: Request,
        digest: Digest,
        reader: Arc<dyn BlobReader>,
    ) -> Self {
        Self {
            inner,
            request,
            digest,
            from: From::Rest(reader),
            wanted: 0..0,
        }
    }

    /// Reads a blob that is being filled.
    pub(crate) fn filling(inner: Arc<Inner>, request: Request, fill: &Fill) -> Self {
        let from = From::Fill(fill.watch());
        Self {
            inner,
            request,
            digest: fill.digest.clone(),
            from,
            wanted: 0..0,
        }
    }

    /// The bytes of `wanted`; an end beyond the blob's means the blob's.
    pub(crate) fn body(mut self, wanted: Range<u64>) -> BlobBody {
        self.wanted = wanted;
        BlobBody::Reading(Box::new(self))
    }

    /// The next piece, where it lies if it lies somewhere.
    async fn next_piece(&mut self) -> Result<Option<Piece>, SourceError> {
        if let From::Rest(reader) = &self.from {
            let reader = Arc::clone(reader);
            let left = self.wanted.end.saturating_sub(self.wanted.start);
            // What cannot be lent is read, which meets the same trouble if there is one, and knows what to do.
            if let Ok(Some(span)) = reader.lend(self.wanted.start, left).await {
                self.wanted.start += span.range.end - span.range.start;
                return Ok(Some(Piece::File(span)));
            }
        }
        Ok(self.next().await?.map(Piece::Bytes))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            match &mut self.from {
                From::Upstream(body) => return body.next().await.transpose(),
                _ if self.wanted.is_empty() => return Ok(None),
                From::Rest(reader) => {
                    let reader = Arc::clone(reader);
                    match reader.read(self.wanted.start).await {
                        Ok(bytes) if !bytes.is_empty() => return Ok(Some(self.took(bytes))),
                        Ok(_) => self.heal(&BlobError::Corrupt("shorter than it was")).await,
                        Err(error) if error.is_loss() => self.heal(&error).await,
                        Err(error) => self.start_over_alone(&error).await?,
                    }
                }
                From::Fill(watch) => match step(watch, self.wanted.start).await? {
                    Step::Read(spool, readable) => {
                        match self.read_spool(spool.as_ref(), readable).await {
                            Ok(bytes) => return Ok(Some(bytes)),
                            Err(error) => self.start_over_alone(&error).await?,
                        }
                    }
                    Step::GoOnAlone { leftover, at, size } => {
                        let hasher = leftover.hasher.clone();
                        match leftover.take() {
                            Some(body) => self.pass_on((body, size), hasher, at),
                            None => self.go_on_alone(hasher, at, size).await?,
                        }
                    }
                    Step::End => return Ok(None),
                },
            }
        }
    }

    /// Goes on from a fill that heals what is lost at rest.
    async fn heal(&mut self, lost: &BlobError) {
        self.inner.kept.discard(&self.digest, lost).await;
        // The repository has earned this blob, so that whoever begins the fill, this reader may join it.
        let (fill, _) = self.inner.fill(&self.request, &self.digest);
        self.from = From::Fill(fill.watch());
    }

    async fn read_spool(
        &mut self,
        spool: &dyn BlobReader,
        readable: u64,
    ) -> Result<Bytes, BlobError> {
        let mut bytes = spool.read(self.wanted.start).await?;
        // The spool may hold a tail that is not to be seen yet.
        let allowed = usize::try_from(readable - self.wanted.start).unwrap_or(usize::MAX);
        bytes.truncate(allowed);
        if bytes.is_empty() {
            return Err(BlobError::Corrupt("shorter than it was"));
        }
        Ok(self.took(bytes))
    }

    /// Goes on with a request of one's own where the disk does not give back what it holds: from the blob's beginning,
    /// because nobody has the hash of what came before this place.
    async fn start_over_alone(&mut self, error: &BlobError) -> Result<(), SourceError> {
        self.inner.kept.health.blob_not_kept(error);
        let hasher = Hasher::new(self.digest.algorithm());
        self.go_on_alone(hasher, 0, None).await
    }

    fn took(&mut self, mut bytes: Bytes) -> Bytes {
        let left = usize::try_from(self.wanted.end - self.wanted.start).unwrap_or(usize::MAX);
        bytes.truncate(left);
        self.wanted.start += bytes.len() as u64;
        bytes
    }

    /// Goes on with a request of one's own where the fill's disk failed.
    async fn go_on_alone(
        &mut self,
        hasher: Hasher,
        at: u64,
        size: Option<u64>,
    ) -> Result<(), SourceError> {
        let from = (at > 0).then_some(ByteRange::From { first: at });
        let blob = self
            .inner
            .source
            .blob(&self.request, &self.digest, from)
            .await?;
        let body = if blob.range.is_none() && at > 0 {
            skip(blob.body.into_bytes(), at)
        } else {
            blob.body.into_bytes()
        };
        self.pass_on((body, size.or(blob.size)), hasher, at);
        Ok(())
    }

    /// Goes on with a body that begins at `at`, of a blob of this size.
    fn pass_on(&mut self, (body, size): (BlobStream, Option<u64>), hasher: Hasher, at: u64) {
        let passing = Passing {
            body,
            hasher,
            position: at,
            digest: self.digest.clone(),
            size,
        };
        self.from = From::Upstream(passing.stream(self.wanted.clone()));
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

/// Waits until the fill has something for a reader at `offset`.
async fn step(watch: &mut watch::Receiver<Progress>, offset: u64) -> Result<Step, SourceError> {
    let has_news = |progress: &Progress| {
        progress.readable > offset || !matches!(progress.phase, Phase::Asking | Phase::Receiving)
    };
    let progress = watch
        .wait_for(has_news)
        .await
        .map_err(SourceError::internal)?;
    match (&progress.phase, &progress.spool) {
        (Phase::Failed(error), _) => Err(error.clone()),
        (_, Some(spool)) if progress.readable > offset => {
            Ok(Step::Read(Arc::clone(spool), progress.readable))
        }
        (Phase::Adrift(leftover), _) => Ok(Step::GoOnAlone {
            leftover: Arc::clone(leftover),
            at: progress.readable,
            size: progress.size,
        }),
        _ => Ok(Step::End),
    }
}
