//! What the limits of an upstream, and our own of it, leave to be asked, told without asking it.

use std::time::Duration;

use crate::UpstreamCall;

/// Says which calls a limit stands in the way of now.
///
/// For whoever has something else to give than an answer to such a call. A hint: what is open now may be refused a moment
/// later, and then says so itself.
pub trait Budget: Send + Sync {
    /// For how long from now a limit stops calls of this kind, so that one would be refused without being sent; `None` if it
    /// would be sent.
    fn stopped_for(&self, call: UpstreamCall) -> Option<Duration>;

    /// True while requests wait for their turn to make a call of this kind: whoever makes one that nobody needs gives way.
    fn is_crowded(&self, call: UpstreamCall) -> bool;
}
