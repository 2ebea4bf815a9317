//! Asks the classifier what a message says of a failed pull.
//!
//! The one place where the words of `failures` become those of events.

use forebay_failures::{Class, Classifier, Verdict, has_mark};

use crate::event::{Event, Failure, MAX_COUNT, What};
use crate::read::kube::image_in;

/// The classifier, with what it said of the last messages.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    classifier: Classifier,
}

/// More retries than this nobody makes: what claims more, is not believed.
const MAX_RETRIES: u64 = 1_000;

/// Whether messages of such events may tell of a failed pull.
const fn may_tell(what: What) -> bool {
    !matches!(
        what,
        What::PullAttempted | What::PullSucceeded | What::Started | What::Died(_) | What::Restarted
    )
}

impl Judge {
    /// Gives an event what its message says; `None` if it then says nothing.
    pub(crate) fn settle(&mut self, mut event: Event) -> Option<Event> {
        if event.what == What::Unread {
            return self.read_unknown(event);
        }
        // What its reader knows already, the words cannot tell better.
        if may_tell(event.what) && event.failure.is_none() {
            if let Some(verdict) = self.judge(&event.message) {
                apply(&mut event, verdict);
            } else if event.what == What::Told {
                return None;
            } else {
                event.failure = unexplained(event.what);
            }
        }
        if event.image.is_none() {
            event.image = image_in(&event.message);
        }
        Some(event)
    }

    /// What a line says that no reader knows: an event if it tells of a failed pull.
    fn read_unknown(&mut self, event: Event) -> Option<Event> {
        // One that has lines may be wrapped inside a mark.
        if !event.message.contains('\n') && !has_mark(event.message.as_bytes()) {
            return None;
        }
        let verdict = self.judge(&event.message)?;
        Some(tell(event, verdict))
    }

    fn judge(&mut self, message: &str) -> Option<Verdict> {
        self.classifier.classify(message).cloned()
    }
}

/// The event that a verdict makes of a line that no reader knows.
pub(crate) fn tell(event: Event, verdict: Verdict) -> Event {
    // What was cut off before the cause was still pulled for.
    let what = match retries(&event.message) {
        Some(_) => What::PullFailed,
        None if is_probe(&event.message, verdict.class) => What::HealthFailed,
        None => what_of(verdict.class),
    };
    let mut event = Event { what, ..event };
    apply(&mut event, verdict);
    event
}

/// The event with what a verdict says, where its reader knows what happened.
pub(crate) fn explain(mut event: Event, verdict: Verdict) -> Event {
    apply(&mut event, verdict);
    event
}

fn apply(event: &mut Event, verdict: Verdict) {
    // What could not be started for want of its image was a pull.
    let is_pull = !matches!(
        verdict.class,
        Class::StartFailure | Class::SymptomOnly | Class::Other
    );
    if event.what == What::StartFailed && is_pull {
        event.what = What::PullFailed;
    }
    if event.image.is_none() {
        // Only one that stands there: words that were joined across a wrap may look like one.
        event.image = verdict
            .image
            .filter(|image| stands_in(image, &event.message));
    }
    let Verdict {
        class,
        registry,
        identity,
        ..
    } = verdict;
    event.failure = Some(Failure {
        class,
        registry,
        identity,
    });
    if let Some(retries) = retries(&event.message)
        && event.what == What::PullFailed
    {
        event.tries = event.count.saturating_mul(retries + 1).min(MAX_COUNT);
    }
}

/// Whether an image stands in a message, or in an address that was broken anywhere.
fn stands_in(image: &str, message: &str) -> bool {
    let is_in_address = || {
        let repository = image.split_once(':').map_or(image, |(name, _)| name);
        tight(message).contains(&format!("/v2/{repository}/"))
    };
    message.contains(image) || is_in_address()
}

/// A text without what a wrap leaves in it.
fn tight(text: &str) -> String {
    text.split_whitespace().collect()
}

/// `ref pull has been retried 7 time(s)`: that was tried eight times.
fn retries(message: &str) -> Option<u64> {
    if !message.contains("been") && !message.contains("retried") {
        return None;
    }
    let tight = tight(message);
    let (_, behind) = tight.split_once("hasbeenretried")?;
    let end = behind.find("time")?;
    let retries = behind[..end].parse().ok();
    retries.filter(|retries| *retries <= MAX_RETRIES)
}

/// A pull that failed without a word why is a failure all the same.
const fn unexplained(what: What) -> Option<Failure> {
    match what {
        What::PullFailed => Some(Failure::bare(Class::Other)),
        What::BackedOff => Some(Failure::bare(Class::SymptomOnly)),
        _ => None,
    }
}

/// Whether it is a probe of Kubernetes' that failed: nothing is pulled for it.
fn is_probe(message: &str, class: Class) -> bool {
    let is_said = ["robe failed", "robe errored"].map(|words| message.contains(words));
    class == Class::SymptomOnly && is_said.contains(&true)
}

const fn what_of(class: Class) -> What {
    match class {
        Class::SymptomOnly => What::BackedOff,
        Class::StartFailure => What::StartFailed,
        _ => What::PullFailed,
    }
}
