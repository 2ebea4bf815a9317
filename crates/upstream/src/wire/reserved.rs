//! Requests that are counted before they are sent: who could not have its answer has no token either.

use forebay_content::SourceError;

use super::Wire;
use crate::exchange::Urgency;

/// Requests that have been counted among the strangers', if a stranger asks. What is not spent is given back when this is dropped.
pub(crate) struct Reserved<'a> {
    wire: &'a Wire,
    urgency: Urgency,
    left: u32,
}

impl Wire {
    /// Counts so many requests.
    ///
    /// # Errors
    /// Strangers have had their part, or have too little left for all of these: nothing is counted.
    pub(crate) fn reserve(
        &self,
        requests: u32,
        urgency: Urgency,
    ) -> Result<Reserved<'_>, SourceError> {
        let mut reserved = Reserved {
            wire: self,
            urgency,
            left: 0,
        };
        reserved.take(requests)?;
        Ok(reserved)
    }
}

impl Reserved<'_> {
    /// Has one to spend: another request is counted where all are spent.
    pub(super) fn ensure(&mut self) -> Result<(), SourceError> {
        if self.left == 0 { self.take(1) } else { Ok(()) }
    }

    /// A request is sent.
    pub(super) fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    fn take(&mut self, requests: u32) -> Result<(), SourceError> {
        let wire = self.wire;
        let now = wire.clock.monotonic();
        let counted = wire.share.count_strangers((requests, self.urgency), now);
        counted.map_err(|too_fast| wire.paced(too_fast))?;
        self.left += requests;
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.left > 0 {
            let unspent = (self.left, self.urgency);
            self.wire.share.give_back_to_strangers(unspent);
        }
    }
}
