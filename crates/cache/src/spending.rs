//! Fetches a manifest that is not here, paid for in the order that `limits::spend` has.
//!
//! The rule is there and pure; here it meets the purse, the clock and those who wait. Whoever waits for a window to open waits
//! in one line (`line.rs`): the first of them asks, and the next decides by what that one heard.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{ManifestContent, Request, SourceError, UpstreamCall};
use forebay_limits::{Limited, Limiter, MIN_RETRY_AFTER, Priority, Purse, Situation, Spend, spend};
use forebay_oci::{Digest, Reference};

use crate::caching_source::Inner;
use crate::claim::{Claim, refused};
use crate::line::Ticket;

/// How often one fetch asks in vain: the window may open and close again before its turn comes. Waiting is none of these, and
/// has its own bound: the patience of those who wait.
const MAX_TRIES: usize = 8;

/// How often those who wait look whether it is open sooner than it was to be.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a fetch has gone so far.
struct Attempt<'a> {
    request: &'a Request,
    digest: &'a Digest,
    /// Of all who wait for it.
    claim: &'a Claim,
    /// Its place in the line of those who wait for the window, once it waits.
    ticket: Option<Ticket>,
    /// What the upstream refused with, if it has, and until when by the monotonic clock.
    refusal: Option<(Limited, Duration)>,
    tried_elsewhere: bool,
    /// How often it has asked in vain.
    tries: usize,
}

/// What comes next in a fetch.
enum Next {
    /// To decide anew: it has waited.
    Decide,
    /// To decide anew: it has asked in vain.
    TryAgain,
    Done(Result<ManifestContent, SourceError>),
}

impl Inner {
    /// Whether a kept copy goes out in the place of a manifest that would have to be fetched now.
    pub(crate) fn would_serve_stale(&self, request: &Request) -> bool {
        let situation = Situation {
            has_stale: true,
            ..self.situation(request, self.budget.purse(&request.repository))
        };
        !matches!(spend(&situation), Spend::Pull)
    }

    /// The manifest of this digest, at whatever price is right for those who wait for it.
    pub(crate) async fn pay_for_manifest(
        self: &Arc<Self>,
        request: &Request,
        claim: &Claim,
        digest: &Digest,
    ) -> Result<ManifestContent, SourceError> {
        let mut attempt = Attempt {
            request,
            digest,
            claim,
            ticket: None,
            refusal: None,
            tried_elsewhere: false,
            tries: 0,
        };
        while attempt.tries < MAX_TRIES {
            match self.go_on(&mut attempt).await {
                Next::Decide => {}
                Next::TryAgain => attempt.tries += 1,
                Next::Done(result) => return result,
            }
        }
        Err(self.refused(&attempt, MIN_RETRY_AFTER))
    }

    async fn go_on(self: &Arc<Self>, attempt: &mut Attempt<'_>) -> Next {
        let request = attempt.claim.raise(attempt.request, &*self.kept.clock);
        let purse = match self.look_into_purse(&request, attempt.digest).await {
            Ok(purse) => purse,
            Err(error) => return Next::Done(Err(error)),
        };
        let has_equivalent = !attempt.tried_elsewhere && self.has_equivalent(&request.repository);
        let situation = Situation {
            has_equivalent,
            ..self.situation(&request, purse)
        };
        match spend(&situation) {
            Spend::Pull if self.has_to_queue(attempt, &request, purse) => {
                self.wait_for_turn(attempt, Duration::ZERO).await
            }
            Spend::Pull => self.pull(attempt, purse).await,
            Spend::Equivalent => {
                attempt.tried_elsewhere = true;
                let found = self.manifest_from_elsewhere(&request, attempt.digest).await;
                found.map_or(Next::TryAgain, |content| Next::Done(Ok(content)))
            }
            Spend::Wait(wait) if attempt.has_turn() => {
                self.wait_for_window(attempt, wait).await;
                Next::Decide
            }
            Spend::Wait(wait) => self.wait_for_turn(attempt, wait).await,
            Spend::Refuse { retry_after } => Next::Done(self.refuse(attempt, retry_after).await),
            // What is asked for by its digest is never out of date.
            Spend::Stale => Next::Done(Err(self.refused(attempt, MIN_RETRY_AFTER))),
        }
    }

    /// Whether a pull has to wait for its turn: where nothing is left one asks for all, to hear when it opens; and while others wait
    /// for the window, nobody overtakes them.
    fn has_to_queue(&self, attempt: &Attempt<'_>, request: &Request, purse: Purse) -> bool {
        let others_wait = || purse != Purse::Unmetered && self.line.is_before(request.priority);
        !attempt.has_turn() && (is_spent(purse) || others_wait())
    }

    async fn pull(&self, attempt: &mut Attempt<'_>, purse: Purse) -> Next {
        if is_enough_for(purse, self.line.waiting()) {
            // For all who wait: they need not do so for each other.
            attempt.ticket = None;
        }
        let (request, wanted) = self.when_let(attempt.request, attempt.claim).await;
        let reference = Reference::Digest(attempt.digest.clone());
        match self.source.manifest(&request, &reference).await {
            // Now the purse is known to be empty, unless it was another limit.
            Err(SourceError::Limited {
                limited,
                retry_after,
            }) if is_spent(self.budget.purse(&request.repository)) => {
                let until = self.kept.clock.monotonic().saturating_add(retry_after);
                attempt.refusal = Some((limited, until));
                Next::TryAgain
            }
            Err(error @ SourceError::Paced { .. })
                if attempt.claim.is_owed_more(wanted, &error) =>
            {
                Next::TryAgain
            }
            answer => Next::Done(answer),
        }
    }

    /// What a client is told that gets nothing: while a limit stands, what the registry said, which the upstream answers without
    /// asking anybody.
    async fn refuse(
        &self,
        attempt: &Attempt<'_>,
        retry_after: Duration,
    ) -> Result<ManifestContent, SourceError> {
        let request = attempt.request;
        let call = UpstreamCall::GetManifest;
        let stopped_for = self.budget.stopped_for(call, &request.repository);
        if stopped_for.is_some() {
            let reference = Reference::Digest(attempt.digest.clone());
            return self.source.manifest(request, &reference).await;
        }
        Err(self.refused(attempt, retry_after))
    }

    /// What those are told who get nothing: to wait so long, and no shorter than the upstream has said.
    fn refused(&self, attempt: &Attempt<'_>, retry_after: Duration) -> SourceError {
        let Some((limited, until)) = &attempt.refusal else {
            let priority = attempt.claim.wanted().priority;
            return refused(priority, self.limit(attempt), retry_after);
        };
        let said = until.saturating_sub(self.kept.clock.monotonic());
        SourceError::Limited {
            limited: limited.clone(),
            retry_after: retry_after.max(said).max(MIN_RETRY_AFTER),
        }
    }

    fn situation(&self, request: &Request, purse: Purse) -> Situation {
        Situation {
            priority: request.priority,
            purse,
            reserve_percent: self.policy().reserve_percent,
            has_stale: false,
            has_equivalent: false,
            patience: request.patience,
        }
    }

    /// What may be spent on this manifest. Where the registry's last word is old, or nothing is left and it has never spoken of this
    /// repository, a HEAD brings its word; where even that is no word on the budget, nobody knows when it opens.
    async fn look_into_purse(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Purse, SourceError> {
        let purse = self.budget.purse(&request.repository);
        let is_counted = self.budget.is_metered(&request.repository);
        if !is_old(purse) && (is_counted.is_some() || !is_spent(purse)) {
            return Ok(purse);
        }
        let asked = self.ask_manifest(request, digest).await;
        let purse = self.budget.purse(&request.repository);
        match asked {
            Err(error) if error.is_answer() => Err(error),
            _ if is_old(purse) => Ok(Purse::Empty { opens_in: None }),
            _ => Ok(purse),
        }
    }

    /// Waits until all who came before have had their turn, or nobody who waits for this has patience left. The window opens in
    /// `wait`, as far as is known.
    async fn wait_for_turn(&self, attempt: &mut Attempt<'_>, wait: Duration) -> Next {
        let (clock, claim) = (&self.kept.clock, attempt.claim);
        let whose = attempt.request.caller.client.network();
        let Some(mut ticket) = attempt
            .ticket
            .take()
            .or_else(|| self.line.join(whose, claim.wanted().priority))
        else {
            return Next::Done(Err(self.refused(attempt, wait)));
        };
        self.hold_up(attempt, wait);
        loop {
            let wanted = claim.wanted();
            if wanted.priority == Priority::Interactive {
                ticket.lift();
            }
            tokio::select! {
                biased;
                () = ticket.turn() => break,
                () = claim.joined(wanted) => {}
                () = clock.sleep(wanted.patience(&**clock)) => {
                    return Next::Done(Err(self.refused(attempt, wait)));
                }
            }
        }
        claim.hold_up(None);
        attempt.ticket = Some(ticket);
        Next::Decide
    }

    /// Waits so long, or until the purse is found open: somebody's HEAD may say so sooner.
    async fn wait_for_window(&self, attempt: &Attempt<'_>, wait: Duration) {
        let clock = &self.kept.clock;
        let until = clock.monotonic() + wait;
        self.hold_up(attempt, wait);
        loop {
            let left = until.saturating_sub(clock.monotonic());
            let purse = self.budget.purse(&attempt.request.repository);
            if left.is_zero() || !is_spent(purse) {
                break;
            }
            clock.sleep(left.min(LOOK_EVERY)).await;
        }
        attempt.claim.hold_up(None);
    }

    /// From now on those who have no patience left are told of the limit by themselves.
    fn hold_up(&self, attempt: &Attempt<'_>, wait: Duration) {
        let until = self.kept.clock.monotonic() + wait;
        attempt.claim.hold_up(Some((self.limit(attempt), until)));
    }

    /// The limit that a fetch waits for: as the upstream refused with it, else as far as it has said whom it counts.
    fn limit(&self, attempt: &Attempt<'_>) -> Limited {
        let refusal = attempt.refusal.as_ref();
        let said = refusal.map(|(limited, _)| limited.clone());
        said.unwrap_or_else(|| Limited {
            identity: self.budget.counted(),
            ..Limited::by(Limiter::PullLimit)
        })
    }
}

impl Attempt<'_> {
    fn has_turn(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::has_turn)
    }
}

/// Whether the registry's word that nothing is left is too old to go by.
fn is_old(purse: Purse) -> bool {
    matches!(purse, Purse::Empty { opens_in: Some(wait) } if wait.is_zero())
}

fn is_spent(purse: Purse) -> bool {
    matches!(
        purse,
        Purse::Empty { .. } | Purse::Metered { remaining: 0, .. }
    )
}

/// Whether there is a pull for whoever asks and for so many more.
fn is_enough_for(purse: Purse, others: usize) -> bool {
    match purse {
        Purse::Unmetered => true,
        Purse::Metered { remaining, .. } => remaining > others as u64,
        Purse::Empty { .. } => false,
    }
}
