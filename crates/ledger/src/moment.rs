//! Now, on both readings of the clock.

use std::time::Duration;

use forebay_content::{Clock, Timestamp};

/// A moment: hours are counted by the wall clock, rates by the monotonic reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock; may jump either way.
    pub wall: Timestamp,
    /// Time since some fixed moment of this process; never goes back.
    pub monotonic: Duration,
}

impl Moment {
    /// The moment that the clock shows.
    pub fn of(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }
}
