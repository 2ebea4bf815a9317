//! How many requests are on their way to one upstream at once.
//!
//! Three lanes with a fair queue each: what is small and urgent never waits behind blobs, and a token never behind the
//! requests that wait for it.

use std::sync::Arc;

use forebay_content::UpstreamCall;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Blobs that come at once. More would only share the same line, and cost the upstream connections.
pub(crate) const BLOBS_AT_ONCE: usize = 64;
/// Manifests, HEADs and lists at once.
pub(crate) const SMALL_AT_ONCE: usize = 32;
/// Token requests at once.
pub(crate) const TOKENS_AT_ONCE: usize = 8;

/// The lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    blobs: Arc<Semaphore>,
    small: Arc<Semaphore>,
    tokens: Arc<Semaphore>,
}

/// A place in a lane, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    /// Empty lanes.
    pub(crate) fn new() -> Self {
        Self {
            blobs: Arc::new(Semaphore::new(BLOBS_AT_ONCE)),
            small: Arc::new(Semaphore::new(SMALL_AT_ONCE)),
            tokens: Arc::new(Semaphore::new(TOKENS_AT_ONCE)),
        }
    }

    /// Waits for a place. Who no longer wants to wait drops the future.
    pub(crate) async fn enter(&self, call: UpstreamCall) -> Place {
        let lane = match call {
            UpstreamCall::GetBlob => &self.blobs,
            UpstreamCall::Token => &self.tokens,
            UpstreamCall::HeadManifest
            | UpstreamCall::GetManifest
            | UpstreamCall::HeadBlob
            | UpstreamCall::List => &self.small,
        };
        Place {
            // Never closed: a permit always comes.
            _permit: Arc::clone(lane).acquire_owned().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn small_requests_do_not_wait_behind_blobs() {
        let lanes = Lanes::new();
        let mut places = Vec::new();
        for _ in 0..BLOBS_AT_ONCE {
            places.push(lanes.enter(UpstreamCall::GetBlob).await);
        }
        assert!(lanes.enter(UpstreamCall::GetBlob).now_or_never().is_none());
        assert!(
            lanes
                .enter(UpstreamCall::GetManifest)
                .now_or_never()
                .is_some()
        );
        assert!(lanes.enter(UpstreamCall::Token).now_or_never().is_some());
        places.pop();
        assert!(lanes.enter(UpstreamCall::GetBlob).now_or_never().is_some());
    }
}
