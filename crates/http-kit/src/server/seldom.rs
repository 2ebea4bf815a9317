//! Lets something be said once in a while, however often it happens.

use std::time::Duration;

use tokio::time::Instant;

/// How often the log is told the same.
const EVERY: Duration = Duration::from_secs(10);

/// Lets something be said once in a while.
#[derive(Debug, Default)]
pub(super) struct Seldom(Option<Instant>);

impl Seldom {
    /// True if it is to be said now.
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|at| at.elapsed() >= EVERY);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}
