//! Turns at something, so many at a time for each who has a line of their own.

use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::held_table::HeldTable;
use forebay_content::lock;

/// The lines. Who has nobody in theirs is not remembered for long.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    at_once: usize,
    lines: Mutex<HeldTable<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> Turns<K> {
    /// With so many turns at a time in each line.
    pub(crate) fn of_each(at_once: usize) -> Self {
        Self {
            at_once,
            lines: Mutex::new(HeldTable::new()),
        }
    }

    /// Waits for a turn in this line, as others have come before. It ends when it is dropped.
    pub(crate) async fn take(&self, line: K) -> Option<OwnedSemaphorePermit> {
        let line = self.find(line);
        line.acquire_owned().await.ok()
    }

    fn find(&self, line: K) -> Arc<Semaphore> {
        let mut lines = lock(&self.lines);
        if let Some(found) = lines.get(&line).and_then(Weak::upgrade) {
            return found;
        }
        let new = Arc::new(Semaphore::new(self.at_once));
        lines.insert(line, Arc::downgrade(&new), |line| line.strong_count() > 0);
        new
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::held_table::FEW;

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
        for line in 1..10 * FEW {
            drop(turns.take(line).await);
            assert!(turns.lines.lock().unwrap().len() <= FEW + 1);
        }
        assert!(turns.take(0).now_or_never().is_none());
        drop(held);
    }
}
