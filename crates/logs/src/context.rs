//! What the evidence cannot say of itself: when it was gathered, and in which zone.
//!
//! Given by the caller, so that the same evidence always reads the same.

use std::time::Duration;

use crate::Moment;

/// How far ahead of us a clock may be.
pub const CLOCK_SKEW: Duration = Duration::from_hours(24);

/// In which light evidence is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// When the evidence was gathered: ages count back from it.
    pub now: Moment,
    /// The zone of times that name none, in seconds east of UTC.
    pub utc_offset_seconds: i32,
}
