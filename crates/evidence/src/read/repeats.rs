//! A failure that a build or a CI job tells twice: where it happens, and once more as the reason why all of it ends.
//!
//! Only what is written at the end of a build or a job repeats, and only what was told shortly before.

use forebay_oci::ImageName;

use crate::event::{Event, Failure, Owner};

/// What only the end of a build or of a job says. Each of them may repeat the one before.
const ENDS: [&str; 4] = [
    "buildx failed with",
    "failed to solve",
    "Preparation failed",
    "Job failed",
];

/// How far into a line an end begins: behind a level, a target.
const MAX_HEAD_BYTES: usize = 80;

/// How many lines an end may stand below what it repeats.
const MAX_DISTANCE_LINES: u64 = 200;

/// The failure that was told last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeats {
    last: Option<Told>,
}

#[derive(Clone, Debug)]
struct Told {
    failure: Failure,
    owner: Option<Owner>,
    image: Option<String>,
    line: u64,
    /// Which of the ends it is, if it is one.
    end: Option<usize>,
}

impl Repeats {
    /// Whether a failure was told before.
    pub(crate) fn is_repetition(&mut self, event: &Event) -> bool {
        let Some(failure) = &event.failure else {
            return false;
        };
        let head = &event.message[..event.message.floor_char_boundary(MAX_HEAD_BYTES)];
        let end = ENDS.iter().position(|words| head.contains(words));
        let told = Told {
            failure: failure.clone(),
            owner: event.place.owner.clone(),
            image: event.image.clone(),
            line: event.lines.last,
            end,
        };
        let before = self.last.replace(told);
        // The same end again is another build's.
        end.is_some() && before.is_some_and(|before| before.end != end && before.is(event, failure))
    }
}

impl Told {
    fn is(&self, event: &Event, failure: &Failure) -> bool {
        let is_one = match (&self.image, &event.image) {
            (Some(one), Some(other)) => full_name(one) == full_name(other),
            _ => true,
        };
        let distance = event.lines.first.saturating_sub(self.line);
        is_one
            && self.failure.class == failure.class
            && self.owner == event.place.owner
            && distance <= MAX_DISTANCE_LINES
    }
}

/// The name by which two spellings of an image are one.
fn full_name(image: &str) -> String {
    let name = image.parse::<ImageName>();
    name.map_or_else(|_| image.to_owned(), |name| name.to_string())
}
