//! Fetches a manifest that is not here, paid for in the order that `limits::spend` has.
//!
//! The rule is there and pure; here it meets the purse, the clock and those who wait. Whoever waits for a window to open waits
//! in one line: the first of them asks, and the next decides by what that one heard.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{ManifestContent, Request, SourceError, UpstreamCall};
use forebay_limits::{Limited, Limiter, MIN_RETRY_AFTER, Priority, Purse, Situation, Spend, spend};
use forebay_oci::{Digest, Reference};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caching_source::Inner;

/// The most manifests that wait for an upstream's window to open; further ones are refused at once.
const MAX_WAITING: usize = 1_000;

/// How often one fetch is decided anew: the window may open and close again before its turn comes.
const MAX_DECISIONS: usize = 8;

/// How often those who wait look whether the window has opened sooner than it was to.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Those who wait for the window of one upstream to open.
pub(crate) struct Line {
    places: Arc<Semaphore>,
    /// Held by the one who asks first once it has opened; the others follow in the order in which they came.
    turn: Arc<Semaphore>,
}

/// A place in the line, and in the end the turn.
#[derive(Default)]
struct Waiting {
    place: Option<OwnedSemaphorePermit>,
    turn: Option<OwnedSemaphorePermit>,
}

/// What came of waiting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// It is time to decide anew, with the turn or with no patience left.
    Long,
    /// Too many wait already.
    NoPlace,
}

/// How a fetch has gone so far.
struct Attempt {
    /// When the client no longer waits, by the monotonic clock.
    deadline: Duration,
    waiting: Waiting,
    /// What the upstream refused with, if it has, and until when.
    refusal: Option<(Limited, Duration)>,
    tried_elsewhere: bool,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Inner {
    /// Whether a kept copy goes out in the place of a manifest that would have to be fetched now.
    pub(crate) fn would_serve_stale(&self, request: &Request) -> bool {
        let situation = Situation {
            has_stale: true,
            ..self.situation(
                request,
                self.budget.purse(&request.repository),
                request.patience,
            )
        };
        !matches!(spend(&situation), Spend::Pull)
    }

    /// The manifest of this digest, at whatever price is right.
    pub(crate) async fn pay_for_manifest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<ManifestContent, SourceError> {
        let mut attempt = Attempt {
            deadline: self.kept.clock.monotonic() + request.patience,
            waiting: Waiting::default(),
            refusal: None,
            tried_elsewhere: false,
        };
        for _ in 0..MAX_DECISIONS {
            let purse = self.look_into_purse(request, digest).await?;
            let left = attempt.deadline.saturating_sub(self.kept.clock.monotonic());
            let situation = Situation {
                has_equivalent: !attempt.tried_elsewhere
                    && self.has_equivalent(&request.repository),
                ..self.situation(request, purse, left)
            };
            match spend(&situation) {
                // Where the registry is asked to hear when it opens, one asks for all.
                Spend::Pull if is_spent(purse) && attempt.waiting.turn.is_none() => {
                    if self
                        .wait_in_line(request, &mut attempt, Duration::ZERO)
                        .await
                        == Waited::NoPlace
                    {
                        return Err(attempt.refused(request.priority, MIN_RETRY_AFTER));
                    }
                }
                Spend::Pull => {
                    if !is_spent(purse) {
                        // There is enough for the next as well.
                        attempt.waiting = Waiting::default();
                    }
                    let reference = Reference::Digest(digest.clone());
                    // What the line has taken of the client's time is gone.
                    let asked = Request {
                        patience: left,
                        ..request.clone()
                    };
                    match self.source.manifest(&asked, &reference).await {
                        // Now the purse is known to be empty, unless it was another limit.
                        Err(SourceError::Limited {
                            limited,
                            retry_after,
                        }) if is_spent(self.budget.purse(&request.repository)) => {
                            attempt.refusal = Some((limited, retry_after));
                        }
                        answer => return answer,
                    }
                }
                Spend::Equivalent => {
                    attempt.tried_elsewhere = true;
                    if let Some(content) = self.manifest_from_elsewhere(request, digest).await {
                        return Ok(content);
                    }
                }
                Spend::Wait(wait) => {
                    if self.wait_in_line(request, &mut attempt, wait).await == Waited::NoPlace {
                        return Err(attempt.refused(request.priority, wait));
                    }
                }
                Spend::Refuse { retry_after } => {
                    return self.refuse(request, digest, &attempt, retry_after).await;
                }
                // What is asked for by its digest is never out of date.
                Spend::Stale => break,
            }
        }
        Err(attempt.refused(request.priority, MIN_RETRY_AFTER))
    }

    /// What a client is told that gets nothing: while a limit stands, what the registry said, which the upstream answers without
    /// asking anybody.
    async fn refuse(
        &self,
        request: &Request,
        digest: &Digest,
        attempt: &Attempt,
        retry_after: Duration,
    ) -> Result<ManifestContent, SourceError> {
        if self.is_stopped(request) {
            let reference = Reference::Digest(digest.clone());
            return self.source.manifest(request, &reference).await;
        }
        Err(attempt.refused(request.priority, retry_after))
    }

    fn is_stopped(&self, request: &Request) -> bool {
        let call = UpstreamCall::GetManifest;
        let stopped_for = self.budget.stopped_for(call, &request.repository);
        stopped_for.is_some()
    }

    fn situation(&self, request: &Request, purse: Purse, patience: Duration) -> Situation {
        Situation {
            priority: request.priority,
            purse,
            reserve_percent: self.policy().reserve_percent,
            has_stale: false,
            has_equivalent: false,
            patience,
        }
    }

    /// What may be spent on this manifest. Where the registry's last word is old, or nothing is left and it has never spoken of this
    /// repository, a HEAD brings its word; where that says nothing, nobody counts pulls of this image.
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
            Ok(_) if is_old(purse) => Ok(Purse::Unmetered),
            Err(_) if is_old(purse) => Ok(Purse::Empty { opens_in: None }),
            _ => Ok(purse),
        }
    }

    /// Waits until the window opens and all who came before have had their turn, or the client's patience ends.
    async fn wait_in_line(
        &self,
        request: &Request,
        attempt: &mut Attempt,
        wait: Duration,
    ) -> Waited {
        // Who has had a turn gives it on before it waits again.
        attempt.waiting.turn = None;
        if attempt.waiting.place.is_none() {
            attempt.waiting.place = Arc::clone(&self.line.places).try_acquire_owned().ok();
        }
        if attempt.waiting.place.is_none() {
            return Waited::NoPlace;
        }
        self.wait_for_window(request, wait).await;
        let clock = &self.kept.clock;
        let left = attempt.deadline.saturating_sub(clock.monotonic());
        tokio::select! {
            biased;
            turn = Arc::clone(&self.line.turn).acquire_owned() => attempt.waiting.turn = turn.ok(),
            () = clock.sleep(left) => {}
        }
        Waited::Long
    }

    /// Waits so long, or until the purse is found open: somebody's HEAD may say so sooner.
    async fn wait_for_window(&self, request: &Request, wait: Duration) {
        let clock = &self.kept.clock;
        let until = clock.monotonic() + wait;
        loop {
            let left = until.saturating_sub(clock.monotonic());
            if left.is_zero() || !is_spent(self.budget.purse(&request.repository)) {
                return;
            }
            clock.sleep(left.min(LOOK_EVERY)).await;
        }
    }
}

impl Attempt {
    /// What a client is told that gets nothing.
    fn refused(&self, priority: Priority, retry_after: Duration) -> SourceError {
        match (&self.refusal, priority) {
            (None, Priority::Background) => SourceError::Reserved { retry_after },
            (refusal, _) => SourceError::Limited {
                limited: refusal.as_ref().map_or_else(
                    || Limited::by(Limiter::PullLimit),
                    |(limited, _)| limited.clone(),
                ),
                retry_after: refusal.as_ref().map_or(retry_after, |(_, wait)| *wait),
            },
        }
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

/// Whether who waits for a fetch would be refused what somebody with less of a claim was refused.
pub(crate) fn is_owed_more(asks: Priority, fetched_for: Priority, error: &SourceError) -> bool {
    asks == Priority::Interactive
        && fetched_for == Priority::Background
        && matches!(
            error,
            SourceError::Reserved { .. }
                | SourceError::Limited { .. }
                | SourceError::Paced { .. }
                | SourceError::Busy
        )
}
