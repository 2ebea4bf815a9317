//! What is done behind all pulls, now and then: use is written down, what there is no room for any more goes, and what names nothing
//! at rest is forgotten.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::Timestamp;

use crate::kept::Kept;

/// How often notes of use are written down, and the room is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often what is unused is looked for: it takes a walk over all tags and links.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// A tag that was not checked and a link that was not granted again for so long, and whose content is not at rest, is
/// forgotten. Who asks again pays one HEAD.
const UNUSED_AFTER: Duration = Duration::from_hours(30 * 24);

/// The most rows of each kind that go in one step, so that other writes wait for a moment only.
const STEP_ROWS: u32 = 10_000;

impl Kept {
    /// Begins the upkeep; it ends with the program, after a last flush.
    pub(crate) fn keep_up_behind(self: &Arc<Self>) {
        let kept = Arc::clone(self);
        self.supervisor.spawn("upkeep", async move {
            let mut forget_at = kept.clock.monotonic() + FORGET_EVERY;
            loop {
                kept.hold_to_size().await;
                tokio::select! {
                    () = kept.clock.sleep(LOOK_EVERY) => kept.flush().await,
                    () = kept.supervisor.stopping() => return kept.flush().await,
                }
                if kept.clock.monotonic() >= forget_at {
                    kept.forget_unused().await;
                    forget_at = kept.clock.monotonic() + FORGET_EVERY;
                }
            }
        });
    }

    async fn forget_unused(&self) {
        let age_ms = i64::try_from(UNUSED_AFTER.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(self.clock.now().0.saturating_sub(age_ms));
        let begun = self.health.begin();
        match self.catalog.forget_unused(before, STEP_ROWS).await {
            Ok(()) => self.health.catalog_written(begun),
            Err(error) => self.health.catalog_not_written(&error),
        }
    }
}
