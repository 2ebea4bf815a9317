//! When the last pulls were: at most as many of them as make a storm.

use std::collections::VecDeque;
use std::time::Duration;

use super::{STORM_WINDOW, StormRules};

/// The times of the last pulls, in milliseconds of the monotonic reading, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(VecDeque<u64>);

impl Times {
    /// Notes a pull; true if it meets the threshold.
    pub(super) fn note(&mut self, now: Duration, rules: StormRules) -> bool {
        while self.0.len() >= rules.pulls() {
            self.0.pop_front();
        }
        self.0.push_back(milliseconds(now));
        self.0.len() >= rules.pulls() && self.within_window(now) == self.0.len()
    }

    /// How many of them are within the window.
    pub(super) fn within_window(&self, now: Duration) -> usize {
        let since = milliseconds(now).saturating_sub(milliseconds(STORM_WINDOW));
        self.0.len() - self.0.partition_point(|time| *time < since)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The last of them; zero if there is none.
    pub(super) fn last(&self) -> u64 {
        self.0.back().copied().unwrap_or_default()
    }

    /// Pulls a minute.
    pub(super) fn per_minute(&self, now: Duration) -> u64 {
        const MINUTE: u64 = 60_000;
        const SHORTEST: u64 = 100;
        let Some(first) = self.0.front() else {
            return 0;
        };
        let span = milliseconds(now).saturating_sub(*first).max(SHORTEST);
        let gaps = self.0.len().saturating_sub(1) as u64;
        gaps * MINUTE / span
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
