//! How fast one registry is asked: so many requests a minute, bursts allowed, and slower after a refusal.
//!
//! Docker Hub's abuse limit counts everything that comes from an address, in "the order of thousands of requests per
//! minute" (docs.docker.com/docker-hub/usage): HEADs, tokens, blobs and retries too. Pure: times are arguments.

use std::time::Duration;

use crate::Priority;

/// Requests a minute where the operator says nothing: well under what any registry is known to refuse.
pub const DEFAULT_PER_MINUTE: u32 = 1_000;

/// Requests at once where the operator says nothing, after a time of quiet.
pub const DEFAULT_BURST: u32 = 500;

/// The slowest pace, in requests a minute: slower, nothing would ever come.
pub const MIN_PER_MINUTE: f64 = 6.0;

/// How long after a refusal, or after the last step, the pace takes a step back up.
pub const STEP_UP_EVERY: Duration = Duration::from_mins(1);

/// The pace of all requests to one registry.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What the operator allows, in requests a minute.
    ceiling: f64,
    burst: f64,
    /// What is allowed now, in requests a minute.
    per_minute: f64,
    /// Requests that were let through and are not paid for yet, by time at the pace: a whole burst at most, and those who wait.
    /// Counted in requests, so that a pace that changes changes what it takes to pay them.
    owed: f64,
    /// When that was so.
    settled_at: Duration,
    stepped_at: Duration,
}

/// There is no place within the time that the request may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    /// When there is one.
    pub after: Duration,
}

impl Pace {
    /// A pace of `per_minute` requests, of which `burst` may come at once; each at least 1.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let ceiling = f64::from(per_minute.max(1));
        Self {
            ceiling,
            burst: f64::from(burst.max(1)),
            per_minute: ceiling,
            owed: 0.0,
            settled_at: Duration::ZERO,
            stepped_at: Duration::ZERO,
        }
    }

    /// Allows as much as the operator says from here on. What a refusal has taken from it stays taken, in proportion.
    pub fn allow(&mut self, per_minute: u32, burst: u32) {
        let ceiling = f64::from(per_minute.max(1));
        self.per_minute = (self.per_minute / self.ceiling * ceiling).min(ceiling);
        self.ceiling = ceiling;
        self.burst = f64::from(burst.max(1));
    }

    /// What is allowed now, in requests a minute.
    pub fn per_minute(&self) -> f64 {
        self.per_minute
    }

    /// Whether a refusal has slowed it, and it is not back yet.
    pub fn is_slowed(&self) -> bool {
        self.per_minute < self.ceiling
    }

    /// Takes a place for one request: how long it has to wait for it, at most `patience`.
    ///
    /// What nobody waits for leaves half of the burst to those who do.
    pub fn take(
        &mut self,
        priority: Priority,
        now: Duration,
        patience: Duration,
    ) -> Result<Duration, TooFast> {
        let wait = self.wait_behind(0, priority, now);
        if wait > patience {
            return Err(TooFast { after: wait });
        }
        self.owed += 1.0;
        Ok(wait)
    }

    /// How long a request waits for its place behind `ahead` others that take theirs before it. Takes none.
    pub fn wait_behind(&mut self, ahead: usize, priority: Priority, now: Duration) -> Duration {
        self.settle(now);
        self.step_up(now);
        let share = match priority {
            Priority::Interactive => self.burst,
            Priority::Background => (self.burst / 2.0).max(1.0),
        };
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        // The first of a burst is due at once, and pays like any other.
        let too_many = (self.owed + f64::from(ahead) - (share - 1.0)).max(0.0);
        Duration::from_secs_f64(too_many * 60.0 / self.per_minute)
    }

    /// Gives a place back that was taken and not used: others come sooner, though none of those who wait already.
    pub fn give_back(&mut self) {
        self.owed = (self.owed - 1.0).max(0.0);
    }

    /// The registry refused because we were too fast: half the pace from here on.
    pub fn slow_down(&mut self, now: Duration) {
        self.settle(now);
        self.per_minute = (self.per_minute / 2.0).max(MIN_PER_MINUTE.min(self.ceiling));
        self.stepped_at = now;
        // Nothing is left of a burst.
        self.owed = self.owed.max(self.burst - 1.0);
    }

    /// Pays for what was let through since it was last looked at.
    fn settle(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.settled_at).as_secs_f64();
        self.owed = (self.owed - passed * self.per_minute / 60.0).max(0.0);
        self.settled_at = self.settled_at.max(now);
    }

    /// A tenth of the ceiling for each quiet minute.
    fn step_up(&mut self, now: Duration) {
        if !self.is_slowed() {
            return;
        }
        let quiet = now.saturating_sub(self.stepped_at);
        let steps = (quiet.as_secs_f64() / STEP_UP_EVERY.as_secs_f64()).floor();
        if steps >= 1.0 {
            self.per_minute = (self.per_minute + steps * self.ceiling / 10.0).min(self.ceiling);
            self.stepped_at += STEP_UP_EVERY.mul_f64(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_hours(1);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Requests that are let through at once at `now`.
    fn at_once(pace: &mut Pace, priority: Priority, now: Duration) -> u32 {
        let mut let_through = 0;
        while pace.take(priority, now, Duration::ZERO).is_ok() {
            let_through += 1;
            assert!(let_through < 10_000, "no end to it");
        }
        let_through
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let mut pace = Pace::new(60, 10);
        assert_eq!(at_once(&mut pace, Priority::Interactive, seconds(100)), 10);
        for expected in 1..=5 {
            let wait = pace.take(Priority::Interactive, seconds(100), PATIENT);
            assert_eq!(wait, Ok(seconds(expected)));
        }
    }

    #[test]
    fn however_many_ask_no_minute_sees_more_than_its_pace_and_one_burst() {
        let mut pace = Pace::new(600, 50);
        let mut sent = 0;
        for tenth in 0..600 {
            let now = Duration::from_millis(tenth * 100);
            for _ in 0..50 {
                sent += u32::from(
                    pace.take(Priority::Interactive, now, Duration::ZERO)
                        .is_ok(),
                );
            }
        }
        assert!((600..=650).contains(&sent), "{sent}");
    }

    #[test]
    fn who_cannot_wait_takes_no_place() {
        let mut pace = Pace::new(60, 1);
        assert_eq!(
            pace.take(Priority::Interactive, seconds(0), PATIENT),
            Ok(seconds(0))
        );
        for _ in 0..3 {
            let refused = pace.take(
                Priority::Interactive,
                seconds(0),
                Duration::from_millis(999),
            );
            assert_eq!(refused, Err(TooFast { after: seconds(1) }));
        }
        assert_eq!(
            pace.take(Priority::Interactive, seconds(1), PATIENT),
            Ok(seconds(0))
        );
    }

    #[test]
    fn what_nobody_waits_for_leaves_half_of_the_burst() {
        let mut pace = Pace::new(60, 10);
        assert_eq!(at_once(&mut pace, Priority::Background, seconds(100)), 5);
        assert_eq!(at_once(&mut pace, Priority::Interactive, seconds(100)), 5);
    }

    #[test]
    fn each_refusal_halves_the_pace_and_each_quiet_minute_brings_a_tenth_back() {
        let mut pace = Pace::new(1_000, 250);
        pace.slow_down(seconds(10));
        assert!(pace.is_slowed());
        assert!((pace.per_minute() - 500.0).abs() < 1e-9);
        assert_eq!(at_once(&mut pace, Priority::Interactive, seconds(10)), 1);
        pace.slow_down(seconds(20));
        assert!((pace.per_minute() - 250.0).abs() < 1e-9);
        let _ = pace.take(Priority::Interactive, seconds(79), PATIENT);
        assert!((pace.per_minute() - 250.0).abs() < 1e-9);
        let _ = pace.take(Priority::Interactive, seconds(80), PATIENT);
        assert!((pace.per_minute() - 350.0).abs() < 1e-9);
        let _ = pace.take(Priority::Interactive, seconds(100_000), PATIENT);
        assert!((pace.per_minute() - 1_000.0).abs() < 1e-9);
        assert!(!pace.is_slowed());
    }

    #[test]
    fn a_thousand_refusals_do_not_stop_it_for_good() {
        let mut pace = Pace::new(1_000, 250);
        for at in 0..1_000 {
            pace.slow_down(seconds(at));
        }
        assert!(pace.per_minute() >= MIN_PER_MINUTE);
        assert!(
            pace.take(Priority::Interactive, seconds(100_000), Duration::ZERO)
                .is_ok()
        );
    }

    #[test]
    fn a_place_that_is_given_back_goes_to_whoever_comes_next() {
        let mut pace = Pace::new(60, 1);
        let take = |pace: &mut Pace| pace.take(Priority::Interactive, seconds(0), PATIENT);
        assert_eq!(take(&mut pace), Ok(seconds(0)));
        assert_eq!(take(&mut pace), Ok(seconds(1)));
        pace.give_back();
        assert_eq!(take(&mut pace), Ok(seconds(1)));
        assert_eq!(take(&mut pace), Ok(seconds(2)));
    }

    #[test]
    fn who_waits_behind_others_waits_for_each_of_them() {
        let mut pace = Pace::new(60, 2);
        for (ahead, expected) in [(0, 0), (1, 0), (2, 1), (10, 9)] {
            let wait = pace.wait_behind(ahead, Priority::Interactive, seconds(100));
            assert_eq!(wait, seconds(expected), "behind {ahead}");
        }
        assert_eq!(at_once(&mut pace, Priority::Interactive, seconds(100)), 2);
        let wait = pace.wait_behind(3, Priority::Interactive, seconds(100));
        assert_eq!(wait, seconds(4));
    }

    #[test]
    fn giving_back_never_gives_more_than_was_taken() {
        let mut pace = Pace::new(60, 10);
        for _ in 0..100 {
            pace.take(Priority::Interactive, seconds(100), PATIENT)
                .unwrap();
            pace.slow_down(seconds(100));
            pace.give_back();
        }
        assert!(at_once(&mut pace, Priority::Interactive, seconds(100)) <= 10);
    }

    #[test]
    fn what_the_operator_allows_may_change_and_what_a_refusal_took_stays_taken() {
        let mut pace = Pace::new(600, 10);
        pace.slow_down(seconds(100));
        pace.allow(60, 5);
        assert!((pace.per_minute() - 30.0).abs() < 1e-9);
        pace.allow(600, 10);
        assert!((pace.per_minute() - 300.0).abs() < 1e-9);
        let mut pace = Pace::new(600, 10);
        pace.allow(60, 5);
        assert_eq!(at_once(&mut pace, Priority::Interactive, seconds(100)), 5);
        assert!(!pace.is_slowed());
    }

    #[test]
    fn a_pace_that_grows_again_shuts_nobody_out() {
        for refusals in 1..=6 {
            let mut pace = Pace::new(1_000, 500);
            at_once(&mut pace, Priority::Interactive, seconds(0));
            for _ in 0..refusals {
                pace.slow_down(seconds(1));
            }
            // Quiet until then, and a request a second from then on, across each step up.
            for at in 61..1_000 {
                let wait = pace.take(Priority::Interactive, seconds(at), Duration::ZERO);
                assert_eq!(wait, Ok(Duration::ZERO), "{refusals} refusals, at {at}");
            }
        }
    }

    #[test]
    fn a_higher_pace_holds_at_once_whatever_was_owed_at_the_lower() {
        let mut pace = Pace::new(10, 500);
        at_once(&mut pace, Priority::Interactive, seconds(0));
        pace.allow(1_000, 500);
        let wait = pace
            .take(Priority::Interactive, seconds(1), PATIENT)
            .unwrap();
        assert!(wait < seconds(1), "{wait:?}");
    }
}
