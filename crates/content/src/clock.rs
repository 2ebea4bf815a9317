//! Time, as a seam: what the clock says, and waiting for it.
//!
//! Two readings, because they serve two ends. The wall clock is stored and survives a restart, but jumps; the monotonic
//! reading never jumps, but means nothing to another process. Expiries at rest are wall-clock values, waits and back-offs
//! in memory are monotonic ones.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::lock::lock;

/// Milliseconds since the UNIX epoch by the wall clock; in JSON the number.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// What the time is, and when it will be another.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The wall clock. May jump either way.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process. Never goes back.
    fn monotonic(&self) -> Duration;

    /// Resolves once `wait` has passed on the monotonic reading.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// What comes of a future, if it comes while `wait` passes by this clock.
pub async fn within<F: Future>(clock: &dyn Clock, wait: Duration, what: F) -> Option<F::Output> {
    // Nobody sleeps for what is there at once.
    let over = pin!(async { clock.sleep(wait).await });
    match select(pin!(what), over).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

/// A clock that stands still until a test moves it. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<Reading>>,
    moved: watch::Sender<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Timestamp,
    monotonic: Duration,
}

// === impl Timestamp ===

impl Timestamp {
    /// How long ago `self` was at `now`; `None` if it lies ahead, which a clock set back makes of any stored time.
    pub fn age_at(self, now: Self) -> Option<Duration> {
        u64::try_from(now.0.checked_sub(self.0)?)
            .ok()
            .map(Duration::from_millis)
    }

    /// The time `wait` after this one, at most the last that can be written.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The same moment for those who count in the standard library's type.
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// Whole seconds since the UNIX epoch, never below zero.
    pub fn unix_seconds(self) -> u64 {
        u64::try_from(self.0 / 1000).unwrap_or(0)
    }
}

// === impl SystemClock ===

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that all else asks"
)]
impl SystemClock {
    /// The machine's clock; its monotonic reading starts at zero now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that all else asks"
)]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A machine set before 1970 is at zero for us.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(0).after(since_epoch)
    }

    fn monotonic(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(wait))
    }
}

// === impl ManualClock ===

impl ManualClock {
    /// A clock at the given wall time.
    pub fn at(wall: Timestamp) -> Self {
        let (moved, _) = watch::channel(Duration::ZERO);
        Self {
            state: Arc::new(Mutex::new(Reading {
                wall,
                monotonic: Duration::ZERO,
            })),
            moved,
        }
    }

    /// Lets time pass on both readings, and wakes who slept until then.
    pub fn advance(&self, by: Duration) {
        let monotonic = {
            let mut reading = self.reading();
            reading.wall = reading.wall.after(by);
            reading.monotonic += by;
            reading.monotonic
        };
        self.moved.send_replace(monotonic);
    }

    /// Sets the wall clock alone, as an operator or a time server does.
    pub fn jump_to(&self, wall: Timestamp) {
        self.reading().wall = wall;
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, Reading> {
        lock(&self.state)
    }
}

impl Default for ManualClock {
    /// A clock at a moment of November 2026.
    fn default() -> Self {
        Self::at(Timestamp(1_795_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.reading().wall
    }

    fn monotonic(&self) -> Duration {
        self.reading().monotonic
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let until = self.monotonic() + wait;
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // The sender lives in the clock: if all clones are gone, time has ended and so has the wait.
            let _ = moved.wait_for(|now| *now >= until).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_far_enough() {
        let clock = ManualClock::default();
        let mut sleeper = clock.sleep(Duration::from_secs(10));
        clock.advance(Duration::from_secs(9));
        assert!(futures::poll!(&mut sleeper).is_pending());
        clock.advance(Duration::from_secs(1));
        sleeper.await;
    }

    #[tokio::test]
    async fn what_comes_in_time_is_told_and_what_does_not_is_given_up_when_the_clock_says_so() {
        let clock = ManualClock::default();
        let wait = Duration::from_secs(10);
        assert_eq!(within(&clock, wait, async { 7 }).await, Some(7));
        let mut never = pin!(within(&clock, wait, std::future::pending::<()>()));
        assert!(futures::poll!(&mut never).is_pending());
        clock.advance(wait);
        assert_eq!(never.await, None);
    }

    #[test]
    fn a_time_that_lies_ahead_has_no_age() {
        let now = Timestamp(10_000);
        assert_eq!(Timestamp(4_000).age_at(now), Some(Duration::from_secs(6)));
        assert_eq!(Timestamp(10_001).age_at(now), None);
        assert_eq!(Timestamp(i64::MIN).age_at(Timestamp(i64::MAX)), None);
    }
}
