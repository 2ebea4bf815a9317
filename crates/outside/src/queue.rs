//! What waits for one webhook: two lines, so that however many storms there are, what is about all clients goes before them.
//!
//! Each line is bounded by itself. What was tried in vain stays at the head of its line.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::letter::Letter;

/// The most alerts that wait in each of the two lines of one webhook; what comes beyond that is not taken.
pub const MAX_WAITING: usize = 64;

/// Where letters are posted.
pub(crate) struct Slot {
    first: mpsc::Sender<Arc<Letter>>,
    storms: mpsc::Sender<Arc<Letter>>,
}

/// Where they are taken out.
pub(crate) struct Queue {
    first: Line,
    storms: Line,
}

/// A letter, and how often it was sent.
pub(crate) struct Attempt {
    pub(crate) letter: Arc<Letter>,
    pub(crate) tries: u32,
}

struct Line {
    waiting: mpsc::Receiver<Arc<Letter>>,
    /// Tried in vain, and to be tried again.
    again: Option<Attempt>,
}

/// An empty queue; it ends when its slot is gone and all is taken out.
pub(crate) fn queue() -> (Slot, Queue) {
    let (first, first_line) = Line::new();
    let (storms, storm_line) = Line::new();
    let queue = Queue {
        first: first_line,
        storms: storm_line,
    };
    (Slot { first, storms }, queue)
}

impl Slot {
    /// Posts a letter; false if its line is full.
    pub(crate) fn post(&self, letter: &Arc<Letter>) -> bool {
        let line = if letter.alert.kind.is_of_storm() {
            &self.storms
        } else {
            &self.first
        };
        line.try_send(Arc::clone(letter)).is_ok()
    }
}

impl Queue {
    /// What is to be sent next; waits until there is something. `None` once nothing more will come.
    pub(crate) async fn next(&mut self) -> Option<Attempt> {
        for line in [&mut self.first, &mut self.storms] {
            if let Some(attempt) = line.take_now() {
                return Some(attempt);
            }
        }
        let letter = tokio::select! {
            biased;
            Some(letter) = self.first.waiting.recv() => letter,
            Some(letter) = self.storms.waiting.recv() => letter,
            else => return None,
        };
        Some(Attempt { letter, tries: 0 })
    }

    /// Was sent in vain: it is the first of its line.
    pub(crate) fn put_back(&mut self, attempt: Attempt) {
        let line = if attempt.letter.alert.kind.is_of_storm() {
            &mut self.storms
        } else {
            &mut self.first
        };
        line.again = Some(attempt);
    }
}

impl Line {
    fn new() -> (mpsc::Sender<Arc<Letter>>, Self) {
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        let again = None;
        (sender, Self { waiting, again })
    }

    fn take_now(&mut self) -> Option<Attempt> {
        self.again.take().or_else(|| {
            let letter = self.waiting.try_recv().ok()?;
            Some(Attempt { letter, tries: 0 })
        })
    }
}
