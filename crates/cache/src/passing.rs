//! Bytes passed on from the upstream without being kept, checked all the same.

use std::ops::Range;

use bytes::Bytes;
use forebay_content::{BlobStream, SourceError};
use forebay_oci::{Digest, Hasher};
use futures::{StreamExt, TryStreamExt, stream};

/// A blob's bytes as they come from the upstream, and what has been seen of them.
pub(crate) struct Passing {
    /// The bytes from `position` on.
    pub(crate) body: BlobStream,
    /// Has seen all bytes before `position`.
    pub(crate) hasher: Hasher,
    /// Where the next bytes belong.
    pub(crate) position: u64,
    /// What the whole must be.
    pub(crate) digest: Digest,
    /// The blob's size, if it is known.
    pub(crate) size: Option<u64>,
}

impl Passing {
    /// Passes on the bytes of `wanted`; the last ones of the blob only once the digest is right.
    pub(crate) fn stream(self, wanted: Range<u64>) -> BlobStream {
        let state = (self, wanted, None::<Bytes>);
        Box::pin(stream::try_unfold(
            state,
            |(mut passing, wanted, mut held)| async move {
                loop {
                    // A part that ends before the blob's last byte needs no verdict on the whole.
                    let is_part = passing.size.is_some_and(|size| wanted.end < size);
                    if is_part && passing.position >= wanted.end {
                        return Ok(held.take().map(|bytes| (bytes, (passing, wanted, None))));
                    }
                    let Some(bytes) = passing.next().await? else {
                        passing.check()?;
                        return Ok(held.take().map(|bytes| (bytes, (passing, wanted, None))));
                    };
                    let part = cut_to(&bytes, passing.position, &wanted);
                    if part.is_empty() {
                        continue;
                    }
                    if let Some(before) = held.replace(part) {
                        return Ok(Some((before, (passing, wanted, held))));
                    }
                }
            },
        ))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        let Some(bytes) = self.body.next().await.transpose()? else {
            return Ok(None);
        };
        self.hasher.update(&bytes);
        self.position += bytes.len() as u64;
        Ok(Some(bytes))
    }

    fn check(&mut self) -> Result<(), SourceError> {
        if self.hasher.clone().finish() == self.digest {
            return Ok(());
        }
        Err(SourceError::Invalid {
            why: "the bytes are not those of the digest".to_owned(),
        })
    }
}

/// Leaves out the first `count` bytes: the upstream gave the whole where the rest was asked for.
pub(crate) fn skip(body: BlobStream, count: u64) -> BlobStream {
    let mut left = count;
    Box::pin(body.try_filter_map(move |mut bytes| {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        left -= skipped as u64;
        let rest = bytes.split_off(skipped);
        std::future::ready(Ok((!rest.is_empty()).then_some(rest)))
    }))
}

/// The part within `wanted` of bytes that end at `end`.
fn cut_to(bytes: &Bytes, end: u64, wanted: &Range<u64>) -> Bytes {
    let begin = end - bytes.len() as u64;
    let offset = |at: u64| usize::try_from(at.clamp(begin, end) - begin).unwrap_or(usize::MAX);
    bytes.slice(offset(wanted.start)..offset(wanted.end.max(wanted.start)))
}

#[cfg(test)]
mod tests {
    use forebay_content::collect;

    use super::*;

    async fn pass(
        content: &'static [u8],
        claimed: &[u8],
        wanted: Range<u64>,
    ) -> Result<Bytes, SourceError> {
        let chunks: Vec<_> = content
            .chunks(3)
            .map(|chunk| Ok(Bytes::from_static(chunk)))
            .collect();
        let digest = Digest::sha256(claimed);
        let passing = Passing {
            body: Box::pin(stream::iter(chunks)),
            hasher: Hasher::new(digest.algorithm()),
            position: 0,
            digest,
            size: Some(content.len() as u64),
        };
        collect(passing.stream(wanted), 1000).await
    }

    #[tokio::test]
    async fn every_range_of_the_right_bytes_is_passed_on() {
        let content = b"0123456789";
        for first in 0..10 {
            for end in first + 1..=10 {
                let range = usize::try_from(first).unwrap()..usize::try_from(end).unwrap();
                assert_eq!(
                    pass(content, content, first..end).await.unwrap(),
                    content[range]
                );
            }
        }
    }

    #[tokio::test]
    async fn wrong_bytes_never_come_to_their_end() {
        assert!(pass(b"0123456789", b"012345678X", 0..10).await.is_err());
        assert!(pass(b"0123456789", b"012345678X", 9..10).await.is_err());
    }
}
