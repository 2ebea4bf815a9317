//! What the log says of an upstream's state: once when trouble or a limit begins, once when it is over.
//!
//! Between the two each request has its line at level debug. Never a query, a header or an account's name.

use std::time::Duration;

use forebay_limits::{Limited, Limiter, Source};
use tracing::{info, warn};

use crate::exchange::{Asker, Askers};
use crate::gate::Part;

/// A limit stands in the way from now on; `per_minute` is the pace that we keep to afterwards.
pub(crate) fn limit_began(
    upstream: &str,
    limited: &Limited,
    (part, per_minute): (Part, f64),
    wait: Duration,
) {
    warn!(
        upstream,
        limit = %limited,
        at = part.as_str(),
        not_asked_for_seconds = wait.as_secs(),
        requests_per_minute = per_minute,
        todo = what_to_do(limited.limiter),
        "an upstream limits us: what this limiter counts is not asked for a while, and kept images are served"
    );
}

/// An answer says that nothing is left of a budget of pulls, before any was refused.
pub(crate) fn nothing_left(upstream: &str, limited: &Limited) {
    warn!(
        upstream,
        limit = %limited,
        todo = what_to_do(Limiter::PullLimit),
        "nothing is left of an upstream's pull limit: no manifest is asked for before it says otherwise, and kept images are served"
    );
}

/// A registry says that nothing is left of a budget, and lets pulls through all the same.
pub(crate) fn budget_contradicted(upstream: &str) {
    warn!(
        upstream,
        "an upstream says that nothing is left of its pull limit with each pull that it lets through: its number is not gone by until it refuses one"
    );
}

/// An answer showed that a limit is over.
pub(crate) fn limit_ended(upstream: &str, limited: &Limited) {
    info!(upstream, limit = %limited, "an upstream no longer limits us");
}

/// Our login was refused, so many times in a row.
pub(crate) fn login_refused(
    upstream: &str,
    (at, status): (&str, u16),
    (times, rest): (u32, Duration),
) {
    warn!(
        upstream,
        at,
        status,
        times,
        not_shown_for_seconds = rest.as_secs(),
        todo = what_to_do(Limiter::LoginLockout),
        "an upstream refuses our credentials: they are not shown to it again for a while"
    );
}

/// The registry charges an address for what we asked with a login.
pub(crate) fn login_unused(upstream: &str, source: &Source) {
    warn!(
        upstream,
        charged = %source,
        todo = "see that the username and the token are of that registry, and that nothing on the way takes them off",
        "an upstream's credentials are not being applied: the registry counts an address, as for anybody"
    );
}

/// A breaker opened, for these questions. What strangers meet with is no warning: they may have sought it.
pub(crate) fn breaker_opened(upstream: &str, askers: Askers, (part, cause): (Part, &str)) {
    let at = part.as_str();
    match askers {
        Askers::Ourselves => warn!(
            upstream,
            at,
            cause,
            "an upstream is in trouble: it is left alone but for one request now and then, and kept images are served"
        ),
        Askers::Clients(Asker::Known) => warn!(
            upstream,
            at,
            cause,
            "an upstream that says who may read is in trouble: it is left alone but for one question now and then, and rights that it gave hold their time"
        ),
        Askers::Clients(asker) => info!(
            upstream,
            at,
            cause,
            who = who(asker),
            "some of who asks an upstream for their rights met with trouble there, and only one question of theirs goes through now and then; others go on"
        ),
    }
}

/// All breakers are closed again, for these questions.
pub(crate) fn breaker_closed(upstream: &str, askers: Askers) {
    match askers {
        Askers::Ourselves => info!(upstream, "an upstream answers again"),
        Askers::Clients(asker) => info!(
            upstream,
            who = who(asker),
            "an upstream answers again who asks it for their rights"
        ),
    }
}

/// The words for logs.
const fn who(asker: Asker) -> &'static str {
    match asker {
        Asker::Known => "who shows a login that has worked",
        Asker::Unproven => "who shows a login that was never seen to work",
        Asker::Nobody => "who shows no login",
    }
}

/// What an operator can do about a limit.
const fn what_to_do(limiter: Limiter) -> &'static str {
    match limiter {
        Limiter::PullLimit => {
            "wait, or have it counted by an account: username and password of this upstream"
        }
        Limiter::AbuseLimit => {
            "wait, and see who else asks from the same address: this limit counts them together"
        }
        Limiter::LoginLockout => "check username and password: failed logins lock the account",
        Limiter::ApiLimit | Limiter::Other => "wait; if it comes often, ask with an account",
    }
}
