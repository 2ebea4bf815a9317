//! A failure that is told twice: where it happens, and once more as the reason why all of it ends.
//!
//! Only what is written at the end of a build, of a job, of Compose or of a swarm's task repeats, and only what was told shortly
//! before.

use std::collections::VecDeque;

use forebay_oci::ImageName;

use crate::event::{Event, Failure, Format, Owner, What};

/// What only the end of a build or of a job says. Each of them may repeat the one before.
const ENDS: [&str; 4] = [
    "buildx failed with",
    "failed to solve",
    "Preparation failed",
    "Job failed",
];

/// How the agent of a swarm tells the end of a task.
const TASK_END: &str = "fatal task error";

/// How far into a line an end begins: behind a level, a target.
const MAX_HEAD_BYTES: usize = 80;

/// How many lines an end may stand below what it repeats.
const MAX_DISTANCE_LINES: u64 = 200;

/// What stands before the words of a daemon, which Compose has told in the row of a service or an image before.
const DAEMON: &str = "Error response from daemon: ";

/// What Compose puts where it cuts a row.
const CUT: [char; 2] = ['.', '…'];

/// The fewest bytes of a daemon's words that are known again in a row that was cut.
const MIN_WORDS_BYTES: usize = 16;

/// The most tasks of a swarm whose pulls failed last, of which it is remembered: those of a node, at one time.
const MAX_TASKS: usize = 256;

/// The failures that were told last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeats {
    last: Option<Told>,
    /// The tasks of a swarm whose pulls failed last.
    tasks: VecDeque<String>,
}

#[derive(Clone, Debug)]
struct Told {
    failure: Failure,
    owner: Option<Owner>,
    image: Option<String>,
    line: u64,
    /// Which of the ends it is, if it is one.
    end: Option<usize>,
    /// What Compose's row says that the daemon said.
    row: Option<String>,
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
            row: row_of_compose(&event.message),
        };
        let before = self.last.replace(told);
        before.is_some_and(|before| {
            // The same end again is another build's.
            let is_end = end.is_some() && before.end != end;
            (is_end || before.is_row_of(&event.message)) && before.is(event, failure)
        })
    }

    /// Takes the end of a swarm's task, which is said to have no image, for no pull of its own where its pull was told to fail: the
    /// agent then looks whether the image is there all the same.
    pub(crate) fn settle_task(&mut self, event: &mut Event) {
        if event.format != Format::Dockerd || event.what != What::PullFailed {
            return;
        }
        let Some(task) = &event.place.task else {
            return;
        };
        let at = self.tasks.iter().position(|known| known == task);
        if let Some(at) = at.filter(|_| event.message.starts_with(TASK_END)) {
            self.tasks.remove(at);
            event.what = What::Told;
            return;
        }
        self.tasks.push_back(task.clone());
        if self.tasks.len() > MAX_TASKS {
            self.tasks.pop_front();
        }
    }
}

/// What a row of Compose says that failed: `✘ web Error toomanyrequests: …   1.2s`.
fn row_of_compose(message: &str) -> Option<String> {
    let row = message.trim_start().strip_prefix('✘')?;
    let (_, words) = row.split_once(" Error ")?;
    let words = words.trim();
    let is_time =
        |word: &str| word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit());
    let words = match words.rsplit_once(' ') {
        Some((words, last)) if is_time(last) => words.trim_end(),
        _ => words,
    };
    Some(words.to_owned())
}

impl Told {
    /// Whether a message says what a row of Compose said before, cut off or not.
    fn is_row_of(&self, message: &str) -> bool {
        let said = message.strip_prefix(DAEMON).zip(self.row.as_deref());
        said.is_some_and(|(said, row)| {
            let row = row.trim_end_matches(CUT);
            said == row || row.len() >= MIN_WORDS_BYTES && said.starts_with(row)
        })
    }

    fn is(&self, event: &Event, failure: &Failure) -> bool {
        let is_one = match (&self.image, &event.image) {
            (Some(one), Some(other)) => ImageName::full(one) == ImageName::full(other),
            _ => true,
        };
        let distance = event.lines.first.saturating_sub(self.line);
        is_one
            && self.failure.class == failure.class
            && self.owner == event.place.owner
            && distance <= MAX_DISTANCE_LINES
    }
}
