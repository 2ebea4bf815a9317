//! What the ledger does by itself: writes down, sums up, forgets, looks.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{CatalogError, Period};
use forebay_jobs::Supervisor;
use tracing::{debug, warn};

use crate::budgets::Unwritten;
use crate::cool_downs::UnwrittenCoolDowns;
use crate::ledger::Ledger;
use crate::moment::Moment;

/// How often what was counted is written down: what a crash loses is at most that.
pub const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// The most rows in one act, so that no pull's own rows wait long behind them.
pub const WRITE_AT_ONCE: usize = 256;

/// How often rows are summed up and forgotten.
const SUM_UP_EVERY: Duration = Duration::from_hours(1);

impl Ledger {
    /// Writes down what was counted and heard. What the disk refuses waits, and is tried again by the next call.
    ///
    /// An act that the writer gave up on may have been done all the same; then its rows are counted twice.
    pub async fn flush(&self) -> Result<(), CatalogError> {
        self.flush_cool_downs().await?;
        let mut pending = self.pending.lock().await;
        pending.add(self.drain());
        loop {
            let some = pending.some(WRITE_AT_ONCE);
            if some.is_empty() {
                break;
            }
            self.seams.rows.add_pulls(&some).await?;
            pending.remove(&some);
        }
        let unwritten = self.lock_budgets().take_unwritten();
        let written = self.write_limits(&unwritten).await;
        if written.is_err() {
            self.lock_budgets().put_back(unwritten);
        }
        written
    }

    /// Sums hours up into days, and forgets what is older than the configuration keeps.
    pub async fn sum_up(&self) -> Result<(), CatalogError> {
        let (config, now) = (self.config(), self.seams.clock.now());
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
        let ledger = Arc::clone(self);
        let stop = tasks.clone();
        tasks.spawn("ledger", async move { ledger.run(&stop).await });
    }

    async fn run(&self, stop: &Supervisor) {
        let mut health = Health::default();
        let mut looked_at: Option<Moment> = None;
        loop {
            let is_stopping = tokio::select! {
                () = self.seams.clock.sleep(FLUSH_EVERY) => false,
                () = self.urgent.notified() => false,
                () = stop.stopping() => true,
            };
            self.look();
            health.note(self.flush().await);
            if is_stopping {
                return;
            }
            let now = self.now();
            let passed = |before: Moment| now.monotonic.saturating_sub(before.monotonic);
            if looked_at.is_none_or(|before| passed(before) >= SUM_UP_EVERY) {
                // A clock that was set forward by mistake must not have everything forgotten: it is believed an hour later.
                if looked_at.is_none_or(|before| now.is_steady_since(before)) {
                    health.note(self.sum_up().await);
                }
                looked_at = Some(now);
            }
        }
    }

    /// Writes down what rests: at once, because a restart in the middle of a cool-down must not ask the registry again.
    async fn flush_cool_downs(&self) -> Result<(), CatalogError> {
        let _alone = self.writing_cool_downs.lock().await;
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
