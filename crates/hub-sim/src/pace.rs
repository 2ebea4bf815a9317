//! Holds bytes back to a rate, on one connection or over all of them.
//!
//! Works on the runtime's clock: real bytes on real sockets take real time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Sleeping for less than this is not worth a timer.
const GRAIN: Duration = Duration::from_millis(2);

/// A rate in bytes a second, and when the next byte may go.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: u64,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            next: Mutex::new(None),
        }
    }

    /// A piece of the body small enough that the rate looks even: a fiftieth of a second's worth.
    pub(crate) fn piece(&self) -> u64 {
        (self.rate / 50).max(1)
    }

    /// Takes the right to send `len` bytes and waits until they may go.
    pub(crate) async fn admit(&self, len: u64) {
        let now = Instant::now();
        let due = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let due = next.map_or(now, |next| next.max(now));
            let nanos = u128::from(len) * 1_000_000_000 / u128::from(self.rate);
            let span = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            *next = Some(due + span);
            due
        };
        if due > now + GRAIN {
            sleep_until(due).await;
        }
    }
}
