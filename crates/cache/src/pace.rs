//! When what is asked for all who wait for it is sent: what nobody waits for is kept back by our own pace, until somebody does.
//!
//! It waits here and not in the upstream's own line: there it could not be lifted, and what may be under way there must not be asked
//! for twice, as it may cost a pull.

use std::time::Duration;

use forebay_content::Request;
use forebay_limits::Priority;

use crate::caching_source::Inner;
use crate::claim::{Claim, Wanted};
use crate::spending::LOOK_EVERY;

impl Inner {
    /// The request as it is to be sent now, as urgent as all who wait for it, and what they want; once the pace lets it through, or
    /// their patience ends.
    pub(crate) async fn when_let(&self, request: &Request, claim: &Claim) -> (Request, Wanted) {
        let clock = &*self.kept.clock;
        loop {
            let wanted = claim.wanted();
            let raised = claim.raise(request, clock);
            if wanted.priority == Priority::Interactive {
                return (raised, wanted);
            }
            if raised.patience.is_zero() || !self.budget.keeps_back() {
                let patience = Duration::ZERO;
                return (Request { patience, ..raised }, wanted);
            }
            tokio::select! {
                () = claim.lifted() => {}
                () = clock.sleep(raised.patience.min(LOOK_EVERY)) => {}
            }
        }
    }
}
