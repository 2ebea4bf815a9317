//! What a connection has been doing, and when that is too little.
//!
//! The hot path only bumps counters; a slow tick compares them. No clock is read and no timer set for a request.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::limits::ServeLimits;

/// Counters of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests begun.
    requests: AtomicU64,
    /// Requests whose response has not ended.
    in_flight: AtomicU32,
    /// True where bytes came since the last request while none was in flight: a head has begun.
    head_begun: AtomicBool,
    /// True while the socket takes no more.
    write_blocked: AtomicBool,
    /// Chunks of bodies that hyper holds and the reader has not made room for.
    chunks_waiting: AtomicU32,
    /// Bumped whenever bytes moved towards the reader.
    moves: AtomicU64,
}

impl Activity {
    pub(super) fn begin_request(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        self.head_begun.store(false, Relaxed);
    }

    pub(super) fn end_request(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(super) fn note_read(&self) {
        if self.in_flight.load(Relaxed) == 0 {
            self.head_begun.store(true, Relaxed);
        }
    }

    pub(super) fn note_write_blocked(&self) {
        self.write_blocked.store(true, Relaxed);
    }

    /// True while the socket takes no more.
    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Relaxed)
    }

    pub(super) fn note_written(&self) {
        self.write_blocked.store(false, Relaxed);
        self.moves.fetch_add(1, Relaxed);
    }

    pub(super) fn hand_chunk(&self) {
        self.chunks_waiting.fetch_add(1, Relaxed);
    }

    pub(super) fn take_chunk(&self) {
        self.chunks_waiting.fetch_sub(1, Relaxed);
        self.moves.fetch_add(1, Relaxed);
    }

    /// How many requests have begun, if all of them have ended.
    pub(super) fn requests_if_idle(&self) -> Option<u64> {
        self.is_idle().then(|| self.requests.load(Relaxed))
    }

    fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
    }

    fn owes_bytes(&self) -> bool {
        self.is_write_blocked() || self.chunks_waiting.load(Relaxed) > 0
    }
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Idle for long: say good-bye.
    Close,
    /// Cut it now.
    Cut,
}

/// Compares an [`Activity`] with itself a tick ago.
#[derive(Debug)]
pub(super) struct Watch {
    limits: ServeLimits,
    tick: Duration,
    requests: u64,
    moves: u64,
    idle_for: Duration,
    in_head_for: Duration,
    stalled_for: Duration,
}

impl Watch {
    pub(super) fn new(limits: ServeLimits) -> Self {
        let shortest = limits
            .header_timeout
            .min(limits.keep_alive_idle)
            .min(limits.write_stall);
        Self {
            limits,
            tick: (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(5)),
            requests: 0,
            moves: 0,
            idle_for: Duration::ZERO,
            in_head_for: Duration::ZERO,
            stalled_for: Duration::ZERO,
        }
    }

    /// The time between two looks.
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// Looks at `activity`, one tick after the last look.
    pub(super) fn judge(&mut self, activity: &Activity) -> Verdict {
        let (requests, moves) = (
            activity.requests.load(Relaxed),
            activity.moves.load(Relaxed),
        );
        let is_quiet = activity.is_idle() && requests == self.requests;
        let in_head = is_quiet && activity.head_begun.load(Relaxed);
        let is_stalled = activity.owes_bytes() && moves == self.moves;
        (self.requests, self.moves) = (requests, moves);
        let count = |so_far: Duration, goes_on| {
            if goes_on {
                so_far + self.tick
            } else {
                Duration::ZERO
            }
        };
        self.idle_for = count(self.idle_for, is_quiet);
        self.in_head_for = count(self.in_head_for, in_head);
        self.stalled_for = count(self.stalled_for, is_stalled);
        let limits = &self.limits;
        if self.in_head_for >= limits.header_timeout
            || self.stalled_for >= limits.write_stall
            // It was asked to close an idle time ago and did not.
            || self.idle_for >= limits.keep_alive_idle * 2
        {
            Verdict::Cut
        } else if self.idle_for >= limits.keep_alive_idle {
            Verdict::Close
        } else {
            Verdict::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ServeLimits {
        ServeLimits {
            header_timeout: Duration::from_secs(8),
            keep_alive_idle: Duration::from_secs(16),
            write_stall: Duration::from_secs(12),
            ..ServeLimits::default()
        }
    }

    /// Verdicts of so many ticks of two seconds each, `between` called before each.
    fn watch(ticks: usize, activity: &Activity, between: impl Fn(&Activity)) -> Vec<Verdict> {
        let mut watch = Watch::new(limits());
        assert_eq!(watch.tick(), Duration::from_secs(2));
        let look = |_| {
            between(activity);
            watch.judge(activity)
        };
        (0..ticks).map(look).collect()
    }

    #[test]
    fn a_head_must_come_whole_in_its_time_however_it_drips() {
        let verdicts = watch(4, &Activity::default(), Activity::note_read);
        assert_eq!(
            verdicts,
            [Verdict::Keep, Verdict::Keep, Verdict::Keep, Verdict::Cut]
        );
    }

    #[test]
    fn an_idle_connection_is_closed_and_then_cut() {
        let verdicts = watch(16, &Activity::default(), |_| {});
        assert!(
            verdicts[..7]
                .iter()
                .all(|verdict| *verdict == Verdict::Keep)
        );
        assert!(
            verdicts[7..15]
                .iter()
                .all(|verdict| *verdict == Verdict::Close)
        );
        assert_eq!(verdicts[15], Verdict::Cut);
    }

    #[test]
    fn a_connection_with_requests_is_kept() {
        let busy = watch(50, &Activity::default(), |activity| {
            activity.note_read();
            activity.begin_request();
            activity.end_request();
        });
        assert!(busy.iter().all(|verdict| *verdict == Verdict::Keep));
        let activity = Activity::default();
        activity.begin_request();
        assert!(
            watch(50, &activity, |_| {})
                .iter()
                .all(|verdict| *verdict == Verdict::Keep)
        );
    }

    #[test]
    fn a_reader_that_takes_nothing_is_cut_and_a_slow_one_is_not() {
        let stalled = Activity::default();
        stalled.begin_request();
        stalled.note_write_blocked();
        let verdicts = watch(6, &stalled, |_| {});
        assert_eq!(
            verdicts.iter().position(|verdict| *verdict == Verdict::Cut),
            Some(5)
        );
        let slow = watch(50, &stalled, |activity| {
            activity.note_written();
            activity.note_write_blocked();
        });
        assert!(slow.iter().all(|verdict| *verdict == Verdict::Keep));
    }
}
