//! Blobs: at rest and earned, or by a fill that everybody joins.

use std::sync::Arc;

use forebay_content::{Blob, BlobReader, ByteRange, Event, Provenance, Request, SourceError};
use forebay_oci::Digest;

use crate::asking::{MAX_TURNS, binds_only_its_repository, out_of_turns};
use crate::caching_source::Inner;
use crate::fill::{Fill, Head};
use crate::negative::Asked;
use crate::reading::Reading;

impl Inner {
    /// The blob of this digest, or a part of it.
    pub(crate) async fn blob(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        if let Some(reader) = self.kept.find_blob(digest).await
            && self.earn_blob(request, digest).await?
        {
            self.kept.recency.note([digest], self.kept.clock.now());
            return self.blob_at_rest(request, digest, reader, range);
        }
        self.blob_by_fill(request, digest, range).await
    }

    /// The blob's size, if it is there.
    pub(crate) async fn stat_blob(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        // What is on its way through this repository, or all here and not yet at rest, need not be asked for. Looked for first: a
        // fill that ends between the two looks has put its blob at rest.
        let fill = self.fills.find(digest);
        let is_ours = |fill: &Arc<Fill>| fill.repository == request.repository;
        // One that waits for its turn at the upstream says nothing for long, where a HEAD is answered at once.
        if let Some(fill) = fill.filter(|fill| is_ours(fill) && fill.has_begun()) {
            return fill.head().await.map(|head| head.size);
        }
        if let Some(reader) = self.kept.find_blob(digest).await
            && self.earn_blob(request, digest).await?
        {
            return Ok(Some(reader.size()));
        }
        self.ask_blob(request, digest).await
    }

    fn blob_at_rest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
        reader: Arc<dyn BlobReader>,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let size = reader.size();
        let part = range.map(|range| range.resolve(size)).transpose()?;
        let bytes = part.clone().unwrap_or(0..size);
        let body =
            Reading::at_rest(Arc::clone(self), request.clone(), digest.clone(), reader).body(bytes);
        Ok(Blob {
            size: Some(size),
            range: part,
            body,
            provenance: Provenance::Kept,
        })
    }

    async fn blob_by_fill(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let asked = Asked::blob(request, digest);
        for _ in 0..MAX_TURNS {
            self.absent(&asked)?;
            let (fill, joined) = self.fill(request, digest);
            let is_others = fill.repository != request.repository;
            if joined {
                self.kept.observe.observe(&Event::FillJoined {
                    upstream: &self.upstream,
                });
            }
            if is_others {
                // Before its bytes may be seen through this repository, this repository has to earn them.
                self.earn_fill(request, &fill).await?;
            }
            match fill.head().await {
                Ok(Head { size, provenance }) => {
                    self.check_told(request, digest, size)?;
                    let part = match (range, size) {
                        (Some(range), Some(size)) => Some(range.resolve(size)?),
                        // A range of an unknown size cannot be answered as one (RFC 9110 §14.2 lets us give the whole).
                        _ => None,
                    };
                    let bytes = part.clone().unwrap_or(0..size.unwrap_or(u64::MAX));
                    let body =
                        Reading::filling(Arc::clone(self), request.clone(), &fill).body(bytes);
                    return Ok(Blob {
                        size,
                        range: part,
                        body,
                        provenance,
                    });
                }
                Err(error) if is_others && binds_only_its_repository(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(out_of_turns())
    }

    /// The size that a manifest of the same repository tells.
    pub(crate) fn told_size(&self, request: &Request, digest: &Digest) -> Option<u64> {
        self.kept.sizes.get(&self.link_of(request, digest))
    }

    /// A repository's own manifest contradicts its blob: that is the repository's trouble, and nobody else's.
    fn check_told(
        &self,
        request: &Request,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<(), SourceError> {
        match (size, self.told_size(request, digest)) {
            (Some(size), Some(told)) if size != told => Err(SourceError::Invalid {
                why: format!("{size} bytes where the manifest says {told}"),
            }),
            _ => Ok(()),
        }
    }
}
