//! When it ends by itself, and whether it does.
//!
//! The windows are those that Docker's documents and staff name; no answer to a refused pull says when the next is free.

use std::time::Duration;

use forebay_evidence::{Class, Event, Evidence, Moment, What};
use forebay_limits::{ABUSE_COOL_DOWN, DEFAULT_WINDOW, LOCKOUT_COOL_DOWN};
use serde::Serialize;

use super::cause::Trigger;

/// How long after the last wrong login users still saw the lockout (hub-feedback #2217).
const LOCKOUT_AT_MOST: Duration = Duration::from_mins(15);

/// When it ends.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    /// How it ends.
    pub kind: EndKind,
    /// The first moment at which a pull may work again; none if it cannot be told.
    pub earliest: Option<Moment>,
    /// The moment by which it is over, if nothing more is asked for until then.
    pub latest: Option<Moment>,
    /// Whether that moment has passed.
    pub is_past: bool,
    /// In a sentence.
    pub text: &'static str,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// The window moves on: each pull is free again when its time is over.
    Window,
    /// A while after the flood of requests stops, not before.
    AfterTheFlood,
    /// A while after the last wrong login.
    AfterTheLockout,
    /// Within seconds or minutes.
    Soon,
    /// Not by itself.
    WhenMended,
    /// That depends on the cause, which is not known.
    Unknown,
}

/// When a cause ends.
pub(crate) fn ending(
    evidence: &Evidence,
    class: Class,
    trigger: Option<&Trigger>,
    now: Moment,
) -> Ending {
    let of_class = || {
        evidence.events.iter().filter(|event| {
            event
                .failure
                .as_ref()
                .is_some_and(|failure| failure.class == class)
        })
    };
    let first = of_class().filter_map(|event| event.first).min();
    let last = of_class().filter_map(|event| event.last).max();
    let goes_on = matches!(
        trigger,
        Some(Trigger::CrashLoop { .. } | Trigger::WrongImage | Trigger::WrongCredentials)
    );
    let (kind, (earliest, latest), text) = match class {
        Class::PullLimit => of_window(evidence, (first, last), goes_on, now),
        Class::AbuseLimit => {
            let latest = last.map(|at| at.after(ABUSE_COOL_DOWN));
            (
                EndKind::AfterTheFlood,
                (None, latest.filter(|_| !goes_on)),
                "about a minute after the flood of requests stops, and not before: waiting alone does not help",
            )
        }
        Class::LoginLockout => {
            let latest = last.map(|at| at.after(LOCKOUT_AT_MOST));
            (
                EndKind::AfterTheLockout,
                (
                    last.map(|at| at.after(LOCKOUT_COOL_DOWN)),
                    latest.filter(|_| !goes_on),
                ),
                "10 to 15 minutes after the last wrong login; each further one begins it anew",
            )
        }
        Class::OtherRegistryLimit | Class::HubApiLimit | Class::KubeletThrottle => (
            EndKind::Soon,
            (last, last.map(|at| at.after(ABUSE_COOL_DOWN))),
            "within seconds to minutes: such limits count by the second or by the minute",
        ),
        Class::SymptomOnly | Class::Other => (
            EndKind::Unknown,
            (None, None),
            "that depends on the cause, which is not known yet",
        ),
        _ => (
            EndKind::WhenMended,
            (None, None),
            "it will not end by itself; fix it",
        ),
    };
    Ending {
        kind,
        earliest,
        latest,
        is_past: latest.is_some_and(|latest| latest < now),
        text,
    }
}

/// How it ends, from when on and by when, in a sentence.
type Told = (EndKind, (Option<Moment>, Option<Moment>), &'static str);

/// The pull limit's window: what used it up was pulled before the first refusal, at most a window before.
fn of_window(
    evidence: &Evidence,
    (first, last): (Option<Moment>, Option<Moment>),
    goes_on: bool,
    now: Moment,
) -> Told {
    let pulled = |event: &&Event| {
        matches!(event.what, What::PullSucceeded | What::PullAttempted) && event.first < first
    };
    let pulls = evidence.events.iter().filter(pulled);
    let oldest = pulls
        .filter_map(|event| event.first)
        .map(|at| at.after(DEFAULT_WINDOW))
        .filter(|free| Some(*free) > first)
        .min();
    let text = if goes_on {
        "pulls become free one by one, six hours after each was made, but what asks again and again uses them up at once"
    } else {
        "pulls become free one by one, six hours after each was made; there is no moment at which all come back"
    };
    let earliest = oldest.filter(|free| *free > now);
    let latest = last.map(|at| at.after(DEFAULT_WINDOW));
    (EndKind::Window, (earliest, latest), text)
}
