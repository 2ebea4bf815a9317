//! What an upstream tells of itself, for as long as it speaks for its name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use forebay_content::{Event, Observe, UpstreamAnswer};

/// Passes on what an upstream tells; after a reload that replaced it only what it does still counts, not how it is.
pub(crate) struct Voice {
    to: Arc<dyn Observe>,
    is_lowered: AtomicBool,
}

impl Voice {
    /// Tells `to` everything.
    pub(crate) fn new(to: Arc<dyn Observe>) -> Self {
        Self {
            to,
            is_lowered: AtomicBool::new(false),
        }
    }

    /// Tells no more how the upstream is: another one has its name, or none.
    pub(crate) fn lower(&self) {
        self.is_lowered.store(true, Ordering::Relaxed);
    }
}

impl Observe for Voice {
    fn observe(&self, event: &Event<'_>) {
        if !self.is_lowered.load(Ordering::Relaxed) {
            return self.to.observe(event);
        }
        match event {
            Event::Breaker { .. } => {}
            Event::Upstream(answer) => {
                self.to.observe(&Event::Upstream(UpstreamAnswer {
                    reading: None,
                    ..answer.clone()
                }));
            }
            counted => self.to.observe(counted),
        }
    }
}
