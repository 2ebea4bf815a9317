//! What is told of what an upstream answers: to the observer all of it, to the log what begins and what is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{Event, UpstreamAnswer};
use forebay_http_kit::SendError;
use forebay_limits::{Identity, Limited, Limiter, Reading, Source};
use http::StatusCode;
use tracing::debug;

use super::Wire;
use super::told::Told;
use crate::exchange::Question;
use crate::gate::{Part, Scope};
use crate::news;

/// What the log was told, and not yet that it is over.
#[derive(Default)]
pub(super) struct Telling {
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    /// That pulls are limited.
    pull_limits: Told,
    /// That the registry charges an address although we have an account.
    unused_logins: Told,
}

impl Telling {
    /// Goes on where another left off.
    pub(super) fn inherit(&self, before: &Self) {
        let inherited = before.state().clone();
        *self.state() = inherited;
    }

    /// The process before has said that pulls are limited.
    pub(super) fn restore_pull_limit(&self, source: Option<&Source>, now: Duration) {
        self.state().pull_limits.begin(source, now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// Tells the observer and the log; never a query, which may hold a secret.
    pub(super) fn tell(
        &self,
        question: &Question,
        answer: Result<(StatusCode, &Reading), &SendError>,
        took: Duration,
    ) {
        let outgoing = &question.outgoing;
        let status = answer.ok().map(|(status, _)| status.as_u16());
        debug!(
            upstream = %self.name,
            call = question.call.as_str(),
            method = %outgoing.method,
            host = outgoing.url.host_str(),
            path = outgoing.url.path(),
            status,
            error = answer.err().map(tracing::field::display),
            took_ms = took.as_millis(),
            "asked an upstream"
        );
        let about = question.about.as_ref();
        self.observe.observe(&Event::Upstream(UpstreamAnswer {
            upstream: &self.name,
            account: self.account.as_deref(),
            request: about.map(|about| &about.request),
            reference: about.and_then(|about| about.reference.as_ref()),
            call: question.call,
            status,
            reading: answer.ok().map(|(_, reading)| reading),
            took,
        }));
    }

    /// A login of ours was refused, and is not shown for `rest`. No limiter has spoken: after a restart it may be another.
    pub(crate) fn tell_refused_login(&self, rest: Duration) {
        self.observe.observe(&Event::LoginRefused {
            upstream: &self.name,
            account: self.account.as_deref(),
            rest,
        });
    }

    pub(super) fn tell_limit(&self, scope: Scope, limited: &Limited, wait: Duration) {
        self.observe.observe(&Event::Limited {
            upstream: &self.name,
            account: self.account.as_deref(),
            scope: &scope.words(self.account.as_deref()),
            limited,
            wait,
        });
    }

    /// Says that a limit stands in the way, which was not there before; that of pulls once for whom it counts.
    pub(super) fn tell_limit_began(
        &self,
        (limited, source): (&Limited, Option<&Source>),
        part: Part,
        wait: Duration,
    ) {
        let is_told = limited.limiter == Limiter::PullLimit && !self.begin_pull_limit(source);
        if !is_told {
            let at = (part, self.share.per_minute());
            news::limit_began(&self.name, limited, at, wait);
        }
    }

    /// Says that a limit is over, as an answer showed that said this: a pull that went through may have been the last one.
    pub(super) fn tell_limit_ended(&self, limited: &Limited, reading: &Reading) {
        if limited.limiter != Limiter::PullLimit {
            news::limit_ended(&self.name, limited);
        } else if reading.pulls_left() != Some(0) {
            self.tell_pulls_again(reading.source.as_ref());
        }
    }

    /// Says once that nothing is left of a budget, and once that there is something again.
    pub(super) fn tell_remainder(&self, reading: &Reading) {
        let Some(left) = reading.pulls_left() else {
            return;
        };
        let source = reading.source.as_ref();
        if left > 0 {
            self.tell_pulls_again(source);
        } else if self.begin_pull_limit(source) {
            news::nothing_left(&self.name, &limit_of(source));
        }
    }

    /// Says once that the registry charges an address for what we ask with an account.
    pub(super) fn tell_charged(&self, source: &Source) {
        if self.account.is_none() || !source.is_anonymous() {
            return;
        }
        let now = self.clock.monotonic();
        let is_news = self.telling.state().unused_logins.begin(Some(source), now);
        if is_news {
            news::login_unused(&self.name, source);
        }
    }

    fn tell_pulls_again(&self, source: Option<&Source>) {
        let is_news = self.telling.state().pull_limits.end(source);
        if is_news {
            news::limit_ended(&self.name, &Limited::by(Limiter::PullLimit));
        }
    }

    fn begin_pull_limit(&self, source: Option<&Source>) -> bool {
        let now = self.clock.monotonic();
        self.telling.state().pull_limits.begin(source, now)
    }
}

/// The limit of pulls of whom the registry counts.
fn limit_of(source: Option<&Source>) -> Limited {
    Limited {
        identity: source.map(identity_of),
        ..Limited::by(Limiter::PullLimit)
    }
}

/// Whom a registry means that names this source.
pub(super) fn identity_of(source: &Source) -> Identity {
    match source.address() {
        Some(address) => Identity::Address(Some(address)),
        None => Identity::Account(None),
    }
}
