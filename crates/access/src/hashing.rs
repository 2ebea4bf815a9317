//! Turns at hashing: few at a time, away from the threads that serve, and a bounded line of those who wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

/// Passwords that are checked at a time: each takes 19 MiB and one core.
const MAX_AT_ONCE: usize = 2;

/// Checks that wait or are under way; who comes then is told to come again.
const MAX_PENDING: usize = 64;

/// Who hashes.
#[derive(Debug)]
pub(crate) struct Hashing {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    done: Arc<AtomicU64>,
}

/// There are too many who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Hashing {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_PENDING)),
            turns: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            done: Arc::default(),
        }
    }

    /// Does `work` when it is its turn. Given up, it is done all the same once it has begun, and keeps its turn until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Busy)?;
        let done = Arc::clone(&self.done);
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            done.fetch_add(1, Ordering::Relaxed);
            drop((turn, place));
            result
        });
        worked.await.map_err(|_| Busy)
    }

    /// How often it was done so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_so_and_the_others_get_their_turn() {
        let hashing = Arc::new(Hashing::new());
        let mut gates = Vec::new();
        let mut waiting = Vec::new();
        for _ in 0..MAX_PENDING {
            let (gate, opened) = mpsc::channel::<()>();
            gates.push(gate);
            let work = hashing.run(move || opened.recv().unwrap_or_default());
            let mut work = Box::pin(work);
            assert!(futures_poll(&mut work).await);
            waiting.push(work);
        }
        assert_eq!(hashing.run(|| ()).await, Err(Busy));
        drop(gates);
        for work in waiting {
            work.await.unwrap();
        }
        assert_eq!(hashing.run(|| 7).await, Ok(7));
        assert_eq!(hashing.done(), u64::try_from(MAX_PENDING).unwrap() + 1);
    }

    /// Polls once; true if it is pending.
    async fn futures_poll<F: Future + Unpin>(work: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *work).poll(context).is_pending())
        })
        .await
    }
}
