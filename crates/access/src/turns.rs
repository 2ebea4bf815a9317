//! Turns at something, so many at a time for each who has a line of their own.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lines that nobody stands in any more are cleared away when there are so many.
const MANY_LINES: usize = 1_024;

/// The lines. Who has nobody in theirs is not remembered for long.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    at_once: usize,
    lines: Mutex<Lines<K>>,
}

#[derive(Debug)]
struct Lines<K> {
    of: HashMap<K, Weak<Semaphore>>,
    /// How many there may be before they are looked through again.
    enough: usize,
}

impl<K: Eq + Hash> Turns<K> {
    /// With so many turns at a time in each line.
    pub(crate) fn of_each(at_once: usize) -> Self {
        Self {
            at_once,
            lines: Mutex::new(Lines {
                of: HashMap::new(),
                enough: MANY_LINES,
            }),
        }
    }

    /// Waits for a turn in this line, as others have come before. It ends when it is dropped.
    pub(crate) async fn take(&self, line: K) -> Option<OwnedSemaphorePermit> {
        let line = self.find(line);
        line.acquire_owned().await.ok()
    }

    fn find(&self, line: K) -> Arc<Semaphore> {
        // It is whole between any two statements that can panic.
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lines.of.get(&line).and_then(Weak::upgrade) {
            return found;
        }
        if lines.of.len() >= lines.enough {
            lines.of.retain(|_, line| line.strong_count() > 0);
            lines.enough = MANY_LINES.max(2 * lines.of.len());
        }
        let new = Arc::new(Semaphore::new(self.at_once));
        lines.of.insert(line, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn each_line_has_its_turns_and_waits_for_no_other() {
        let turns = Turns::of_each(2);
        let first = turns.take("a").await;
        let _second = turns.take("a").await;
        assert!(turns.take("a").now_or_never().is_none());
        let third = turns.take("a");
        let _other = turns.take("b").await;
        drop(first);
        assert!(third.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn lines_that_are_empty_are_forgotten() {
        let turns = Turns::of_each(1);
        let held = turns.take(0).await;
        for line in 1..10 * MANY_LINES {
            drop(turns.take(line).await);
            assert!(turns.lines.lock().unwrap().of.len() <= MANY_LINES + 1);
        }
        assert!(turns.take(0).now_or_never().is_none());
        drop(held);
    }
}
