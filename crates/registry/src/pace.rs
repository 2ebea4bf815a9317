//! How a collection gives way: after each piece of work it rests, if anybody pulled of late, and it ends when the program stops.
//!
//! A collection keeps a processor and the disk busy. Who pulls at such a moment may wait longer, and where all moments are such,
//! the 99th of a hundred pulls does. Resting makes them few, for many who pull and for one now and then; where nobody pulls there is
//! no reason to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::Clock;
use forebay_jobs::Supervisor;

/// Beside pulls, a collection rests so many times as long as it worked. What comes of it is measured: `garbage` in the bench.
const REST: u32 = 19;

/// How long it rests after somebody pulled, and the longest rest.
const OF_LATE: Duration = Duration::from_secs(1);

/// How many manifests were asked for.
#[derive(Debug, Default)]
pub(crate) struct Pulls(AtomicU64);

/// The pace of who works beside pulls.
pub(crate) struct Pace<'r> {
    pulls: &'r Pulls,
    clock: &'r dyn Clock,
    supervisor: &'r Supervisor,
    /// When the piece of work began.
    began: Duration,
    /// How much had been asked for when it was looked at last.
    seen: u64,
    /// When it was last seen that somebody pulls.
    pulled: Option<Duration>,
}

impl Pulls {
    /// Counts one.
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<'r> Pace<'r> {
    /// The pace of who begins a piece of work now.
    pub(crate) fn new(pulls: &'r Pulls, clock: &'r dyn Clock, supervisor: &'r Supervisor) -> Self {
        Self {
            pulls,
            clock,
            supervisor,
            began: clock.monotonic(),
            seen: pulls.count(),
            pulled: None,
        }
    }

    /// Ends a piece of work, rests if anything was pulled of late, and begins the next; false if there is to be none, for the
    /// program stops.
    pub(crate) async fn goes_on(&mut self) -> bool {
        let now = self.clock.monotonic();
        if self.is_pulled_from(now) {
            let worked = now.saturating_sub(self.began);
            let rest = self.clock.sleep((worked * REST).min(OF_LATE));
            tokio::select! {
                () = rest => {}
                () = self.supervisor.stopping() => {}
            }
        }
        self.began = self.clock.monotonic();
        !self.supervisor.is_stopping()
    }

    fn is_pulled_from(&mut self, now: Duration) -> bool {
        let seen = std::mem::replace(&mut self.seen, self.pulls.count());
        if seen != self.seen {
            self.pulled = Some(now);
        }
        self.pulled
            .is_some_and(|pulled| now.saturating_sub(pulled) < OF_LATE)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use forebay_content::ManualClock;
    use futures::FutureExt as _;

    use super::*;

    const WORK: Duration = Duration::from_millis(10);

    #[test]
    fn one_who_works_alone_never_rests_and_after_a_pull_nineteen_times_as_long_as_each_piece_took()
    {
        let (pulls, clock, supervisor) = world();
        let mut pace = Pace::new(&pulls, &clock, &supervisor);
        clock.advance(WORK);
        assert_eq!(pace.goes_on().now_or_never(), Some(true));
        pulls.note();
        for _ in 0..5 {
            clock.advance(WORK);
            let mut rest = pin!(pace.goes_on());
            assert_eq!(rest.as_mut().now_or_never(), None);
            clock.advance(18 * WORK);
            assert_eq!(rest.as_mut().now_or_never(), None);
            clock.advance(WORK);
            assert_eq!(rest.now_or_never(), Some(true));
        }
        // Nobody pulled for a second.
        clock.advance(WORK);
        assert_eq!(pace.goes_on().now_or_never(), Some(true));
    }

    #[test]
    fn who_pulls_while_it_rests_has_it_rest_again() {
        let (pulls, clock, supervisor) = world();
        let mut pace = Pace::new(&pulls, &clock, &supervisor);
        for _ in 0..3 {
            pulls.note();
            clock.advance(OF_LATE);
            let mut rest = pin!(pace.goes_on());
            assert_eq!(rest.as_mut().now_or_never(), None);
            pulls.note();
            clock.advance(OF_LATE);
            assert_eq!(rest.now_or_never(), Some(true));
        }
    }

    #[test]
    fn a_rest_is_a_second_at_most_and_ends_with_the_program() {
        let (pulls, clock, supervisor) = world();
        let mut pace = Pace::new(&pulls, &clock, &supervisor);
        for is_stopping in [false, true] {
            clock.advance(Duration::from_mins(1));
            pulls.note();
            let mut rest = pin!(pace.goes_on());
            assert_eq!(rest.as_mut().now_or_never(), None);
            if is_stopping {
                supervisor.stop();
            } else {
                clock.advance(OF_LATE);
            }
            assert_eq!(rest.now_or_never(), Some(!is_stopping));
        }
    }

    fn world() -> (Pulls, ManualClock, Supervisor) {
        (Pulls::default(), ManualClock::default(), Supervisor::new())
    }
}
