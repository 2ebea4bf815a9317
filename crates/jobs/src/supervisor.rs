//! Owns every task of the program.
//!
//! The only place that calls the runtime's `spawn`: a task that nobody owns can neither be waited for nor be stopped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span};

/// Spawns named tasks, tells them to stop, and waits for them. Clones share the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Supervisor {
    /// A supervisor of no tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` as a task of its own; `name` is what the log calls it.
    ///
    /// A panic in it is logged and ends this task alone.
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let guarded = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                error!(task = name, "task panicked");
            }
        };
        // A connection per task: the span costs nothing unless its level is on.
        self.tasks
            .spawn(guarded.instrument(info_span!("task", name)));
    }

    /// Runs `work` as a task of its own and waits for what comes of it: it goes on though whoever waits leaves. `None` if it broke
    /// off, for it panicked or the program ends.
    pub async fn to_the_end<T, F>(&self, name: &'static str, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        self.spawn(name, async move {
            // Who asked may have left.
            let _ = told.send(work.await);
        });
        answer.await.ok()
    }

    /// Resolves when [`stop`](Self::stop) has been called. Tasks that run for ever select on it.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// True once [`stop`](Self::stop) has been called.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Tells all tasks to finish what they do and end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Resolves when [`cut`](Self::cut) has been called. Tasks that must leave a trace of what they did not finish select on it.
    pub async fn cutting(&self) {
        self.cut.cancelled().await;
    }

    /// Tells the tasks that are left after a [`drain`](Self::drain) to break off.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits until all tasks have ended, at most for `limit`; true if all did.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }

    /// How many tasks run now.
    pub fn running(&self) -> usize {
        self.tasks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let supervisor = Supervisor::new();
        let (done, finished) = oneshot::channel();
        supervisor.spawn("breaks", async { panic!("on purpose") });
        supervisor.spawn("works", async move {
            done.send(()).unwrap();
        });
        finished.await.unwrap();
        assert!(supervisor.drain(Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn what_is_done_to_its_end_goes_on_though_nobody_waits_and_a_panic_is_told() {
        let supervisor = Supervisor::new();
        assert_eq!(
            supervisor.to_the_end("adds", async { 1 + 1 }).await,
            Some(2)
        );
        let broken: Option<()> = supervisor
            .to_the_end("breaks", async { panic!("on purpose") })
            .await;
        assert_eq!(broken, None);
        let (go, gone_on) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let waiting = supervisor.to_the_end("goes on", async move {
            gone_on.await.unwrap();
            done.send(()).unwrap();
        });
        let left = tokio::time::timeout(Duration::ZERO, waiting).await;
        assert!(left.is_err(), "nobody waits for it any more");
        go.send(()).unwrap();
        finished.await.unwrap();
        assert!(supervisor.drain(Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn a_drain_tells_whether_all_tasks_ended() {
        let supervisor = Supervisor::new();
        let waiting = supervisor.clone();
        supervisor.spawn("waits", async move { waiting.stopping().await });
        assert!(!supervisor.drain(Duration::from_millis(1)).await);
        supervisor.stop();
        assert!(supervisor.drain(Duration::from_secs(10)).await);
    }
}
