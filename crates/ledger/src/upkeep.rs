//! What the ledger does by itself: writes down, sums up, forgets, looks.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{CatalogError, Period, Settled};
use forebay_jobs::Supervisor;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use crate::budgets::Unwritten;
use crate::cool_downs::UnwrittenCoolDowns;
use crate::ledger::Ledger;

/// How often what was counted is written down: what a crash loses is at most that.
pub(crate) const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// The most rows in one act, so that no pull's own rows wait long behind them.
pub(crate) const WRITE_AT_ONCE: usize = 256;

/// The most who wait for a writing that has not begun; more wait for a place.
const MAX_ASKED: usize = 64;

/// Somebody waits until what was counted is written down, or cannot be.
pub(crate) type WritingAsked = oneshot::Sender<()>;

/// How often rows are summed up and forgotten.
const SUM_UP_EVERY: Duration = Duration::from_hours(1);

impl Ledger {
    /// Writes down what was counted and heard. What the disk refuses waits, and is tried again by the next call.
    ///
    /// For the task, and for who closes the rows after it: dropped half-way, some would be written twice, or not at all. So is an
    /// act that the writer gave up on and that was done all the same.
    pub async fn flush(&self) -> Result<(), CatalogError> {
        // One writes at a time: what one puts back, none may have written since.
        let mut pending = self.pending.lock().await;
        self.flush_cool_downs().await?;
        self.flush_told().await?;
        pending.add(self.drain());
        loop {
            let some = pending.some(WRITE_AT_ONCE);
            if some.is_empty() {
                break;
            }
            self.seams.rows.add_pulls(&some).await?;
            pending.remove(&some);
        }
        let unwritten = self.lock_budgets().take_unwritten(self.now());
        let written = self.write_limits(&unwritten).await;
        if written.is_err() {
            self.lock_budgets().put_back(unwritten);
        }
        written
    }

    /// Sums hours up into days, and forgets what is older than the configuration keeps, and budgets of long ago. Not while the
    /// clock may be wrong.
    pub async fn sum_up(&self) -> Result<(), CatalogError> {
        let (config, moment) = (self.config(), self.now());
        self.lock_budgets().forget_old(moment);
        let now = moment.wall;
        let before = |keep: Duration| {
            let age = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
            forebay_content::Timestamp(now.0.saturating_sub(age))
        };
        // Whole days only: a day that is summed up in parts would be read twice by who asks for its hours.
        let hours_before = Period::Day.start_of(before(config.keep_hours));
        self.seams.rows.roll_up(hours_before).await?;
        self.seams.rows.forget_pulls(before(config.keep)).await
    }

    /// Starts the task that does all of this, until the supervisor stops it; then it writes down once more.
    ///
    /// Requests may end later still: who closes the rows calls [`flush`](Self::flush) before.
    pub fn start(self: &Arc<Self>, tasks: &Supervisor) {
        let (sender, asked) = mpsc::channel(MAX_ASKED);
        if self.writer.set(sender).is_err() {
            // It runs already.
            return;
        }
        let ledger = Arc::clone(self);
        let stop = tasks.clone();
        tasks.spawn("ledger", async move { ledger.run(asked, &stop).await });
    }

    /// Has the task write down what was counted until now, and waits until it has tried. Where none runs, nothing is written.
    pub(crate) async fn ask_to_write(&self) {
        let Some(writer) = self.writer.get() else {
            return;
        };
        let (done, written) = oneshot::channel();
        if writer.send(done).await.is_ok() {
            // A task that has ended meanwhile answers by dropping it.
            let _ = written.await;
        }
    }

    async fn run(&self, mut asked: mpsc::Receiver<WritingAsked>, stop: &Supervisor) {
        let mut health = Health::default();
        // A clock that is wrong at the start, as machines without a battery have it, must not have everything forgotten.
        let mut looked_at = self.now();
        loop {
            let mut waiting = Vec::new();
            let is_stopping = tokio::select! {
                () = self.seams.clock.sleep(FLUSH_EVERY) => false,
                () = self.urgent.notified() => false,
                settled = self.seams.notify.settled() => {
                    self.settle(settled);
                    false
                }
                Some(first) = asked.recv() => {
                    waiting.push(first);
                    false
                }
                () = stop.stopping() => true,
            };
            while let Ok(another) = asked.try_recv() {
                waiting.push(another);
            }
            self.look();
            health.note(self.flush().await);
            for done in waiting {
                // Who asked may have left.
                let _ = done.send(());
            }
            if is_stopping {
                return;
            }
            let now = self.now();
            if now.monotonic.saturating_sub(looked_at.monotonic) >= SUM_UP_EVERY {
                // Nor must one that was set forward by mistake: it is believed an hour later.
                if now.is_steady_since(looked_at) {
                    health.note(self.sum_up().await);
                }
                looked_at = now;
            }
        }
    }

    /// Writes down what rests: before all else, because a restart in the middle of a cool-down must not ask the registry again.
    async fn flush_cool_downs(&self) -> Result<(), CatalogError> {
        let unwritten = self.lock_cool_downs().take_unwritten();
        if unwritten.is_empty() {
            return Ok(());
        }
        let written = self.write_cool_downs(&unwritten).await;
        if written.is_err() {
            self.lock_cool_downs().put_back(unwritten);
        }
        written
    }

    /// Notes what became of alerts.
    fn settle(&self, settled: Vec<Settled>) {
        let mut alerts = self.lock_alerts();
        for settled in settled {
            alerts.settle(settled);
        }
    }

    /// Writes down what was told: at once too, because a program that crashes again and again must not tell it at each start.
    async fn flush_told(&self) -> Result<(), CatalogError> {
        let unwritten = self.lock_alerts().take_unwritten(self.now());
        if unwritten.is_empty() {
            return Ok(());
        }
        let written = self.seams.rows.keep_told(&unwritten).await;
        if written.is_err() {
            self.lock_alerts().put_back(unwritten);
        }
        written
    }

    async fn write_cool_downs(&self, unwritten: &UnwrittenCoolDowns) -> Result<(), CatalogError> {
        for (upstream, scope) in &unwritten.ended {
            self.seams.rows.drop_cool_downs(upstream, scope).await?;
        }
        for cool_down in &unwritten.resting {
            self.seams.rows.keep_cool_down(cool_down).await?;
        }
        Ok(())
    }

    async fn write_limits(&self, unwritten: &Unwritten) -> Result<(), CatalogError> {
        if !unwritten.budgets.is_empty() {
            self.seams.rows.keep_budgets(&unwritten.budgets).await?;
        }
        for (upstream, cost) in &unwritten.costs {
            self.seams.rows.keep_pull_cost(upstream, *cost).await?;
        }
        for (upstream, heard_at) in &unwritten.silences {
            self.seams.rows.keep_silence(upstream, *heard_at).await?;
        }
        Ok(())
    }
}

/// Whether the last writing failed, so that the log says once that it does.
#[derive(Default)]
struct Health {
    is_failing: bool,
}

impl Health {
    fn note(&mut self, done: Result<(), CatalogError>) {
        match done {
            Ok(()) => self.is_failing = false,
            Err(error) if self.is_failing => debug!(%error, "the ledger is still not written down"),
            Err(error) => {
                self.is_failing = true;
                warn!(%error, "the ledger cannot be written down; it is tried again");
            }
        }
    }
}
