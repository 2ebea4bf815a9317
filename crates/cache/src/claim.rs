//! What those who wait for the same work have a claim to, together: the greatest urgency, and the longest patience.
//!
//! Each of them keeps its own patience: who has none left while the work waits for a limit is refused by itself.

use std::time::Duration;

use forebay_content::{Clock, Request, SourceError};
use forebay_limits::{Limited, MIN_RETRY_AFTER, Priority};
use tokio::sync::watch;

/// How urgently somebody wants something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) priority: Priority,
    /// When it no longer waits, by the monotonic clock.
    pub(crate) deadline: Duration,
}

/// The claim of all who wait for one piece of work.
pub(crate) struct Claim {
    state: watch::Sender<State>,
}

struct State {
    wanted: Wanted,
    /// The limit that the work waits for, and when it is likely to be over.
    held_up: Option<(Limited, Duration)>,
}

impl Wanted {
    /// What a request that comes now wants.
    pub(crate) fn of(request: &Request, clock: &dyn Clock) -> Self {
        Self {
            priority: request.priority,
            deadline: clock.monotonic().saturating_add(request.patience),
        }
    }

    /// For how long it waits from now.
    pub(crate) fn patience(&self, clock: &dyn Clock) -> Duration {
        self.deadline.saturating_sub(clock.monotonic())
    }
}

impl Claim {
    pub(crate) fn new(wanted: Wanted) -> Self {
        let state = State {
            wanted,
            held_up: None,
        };
        Self {
            state: watch::channel(state).0,
        }
    }

    /// Somebody joins those who wait.
    pub(crate) fn join(&self, wanted: Wanted) {
        self.state.send_modify(|State { wanted: all, .. }| {
            if wanted.priority == Priority::Interactive {
                all.priority = Priority::Interactive;
            }
            all.deadline = all.deadline.max(wanted.deadline);
        });
    }

    /// What all of them want.
    pub(crate) fn wanted(&self) -> Wanted {
        self.state.borrow().wanted
    }

    /// The request for which the work was begun, as urgent as all who wait for it now.
    pub(crate) fn raise(&self, request: &Request, clock: &dyn Clock) -> Request {
        let wanted = self.wanted();
        Request {
            priority: wanted.priority,
            patience: wanted.patience(clock),
            ..request.clone()
        }
    }

    /// Whether those who wait now want it more than those for whom it was refused so; or, of what nobody waits for, still do after a
    /// client was quicker to take the turn.
    pub(crate) fn is_owed_more(&self, refused: Wanted, error: &SourceError) -> bool {
        let wanted = self.wanted();
        let is_paced = matches!(error, SourceError::Paced { .. });
        was_refused_for_less(wanted.priority, refused.priority, error)
            || is_paced
                && (wanted.deadline > refused.deadline || refused.priority == Priority::Background)
    }

    /// Resolves once a client waits.
    pub(crate) async fn lifted(&self) {
        let mut states = self.state.subscribe();
        let is_lifted = |state: &State| state.wanted.priority == Priority::Interactive;
        // The sender lives as long as this.
        let _ = states.wait_for(is_lifted).await;
    }

    /// Resolves once somebody has joined who wants more than all before.
    pub(crate) async fn joined(&self, before: Wanted) {
        let mut states = self.state.subscribe();
        let is_more = |state: &State| {
            state.wanted.priority != before.priority || state.wanted.deadline > before.deadline
        };
        let _ = states.wait_for(is_more).await;
    }

    /// The work waits for a limit that is likely to be over by then, or no longer does.
    pub(crate) fn hold_up(&self, held_up: Option<(Limited, Duration)>) {
        self.state.send_modify(|state| state.held_up = held_up);
    }

    /// Resolves when one of them has no patience left and the work waits for a limit, with what that one is told.
    pub(crate) async fn out_of_patience(&self, wanted: Wanted, clock: &dyn Clock) -> SourceError {
        clock.sleep(wanted.patience(clock)).await;
        let mut states = self.state.subscribe();
        let held_up = states.wait_for(|state| state.held_up.is_some()).await;
        let held_up = held_up.ok().and_then(|state| state.held_up.clone());
        match held_up {
            Some((limited, until)) => {
                let wait = until.saturating_sub(clock.monotonic());
                refused(wanted.priority, limited, wait)
            }
            // The sender lives as long as this.
            None => std::future::pending().await,
        }
    }
}

/// Whether what was refused was asked for with less of a claim than that of who asks: then it may be had.
pub(crate) fn was_refused_for_less(
    asks: Priority,
    fetched_for: Priority,
    error: &SourceError,
) -> bool {
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

/// What somebody is told whom a limit keeps from what it wants.
pub(crate) fn refused(priority: Priority, limited: Limited, wait: Duration) -> SourceError {
    let retry_after = wait.max(MIN_RETRY_AFTER);
    match priority {
        Priority::Background => SourceError::Reserved { retry_after },
        Priority::Interactive => SourceError::Limited {
            limited,
            retry_after,
        },
    }
}
