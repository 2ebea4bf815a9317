//! Brings alerts to one webhook, one after another, again where that may help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::Clock;
use forebay_jobs::Supervisor;
use tracing::{debug, warn};

use crate::error::DeliveryError;
use crate::letter::{Letter, Outcomes};
use crate::post::Post;
use crate::queue::{Attempt, Queue, Slot, queue};

/// How often one alert is sent at most.
pub const MAX_TRIES: u32 = 5;

/// How long to wait before the second try; four times as long before each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What all couriers of a program share.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Supervisor,
    pub(crate) tally: Arc<Tally>,
    pub(crate) outcomes: Arc<Outcomes>,
    /// Who sends, in the words of the alerts.
    pub(crate) sender: Arc<str>,
}

/// What became of alerts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// One webhook with its queue. Dropped, it brings what waits and ends.
pub(crate) struct Courier {
    /// How the webhook is called where its address may not be shown.
    pub(crate) name: String,
    pub(crate) post: Arc<Post>,
    slot: Slot,
    /// The log knows that too many wait.
    is_full: AtomicBool,
    office: Office,
}

impl Courier {
    /// Begins a courier for the webhook of this place in the configuration, counted from one.
    pub(crate) fn begin(number: usize, post: Post, office: &Office) -> Self {
        let name = format!("{number} ({})", post.webhook().form.as_str());
        let post = Arc::new(post);
        let (slot, queue) = queue();
        let mut round = Round {
            name: name.clone(),
            post: Arc::clone(&post),
            office: office.clone(),
            queue,
        };
        let stop = office.tasks.clone();
        office.tasks.spawn("webhook", async move {
            tokio::select! {
                () = round.walk() => {}
                () = stop.stopping() => {}
            }
        });
        Self {
            name,
            post,
            slot,
            is_full: AtomicBool::new(false),
            office: office.clone(),
        }
    }

    /// Takes an alert over, if there is room for it.
    pub(crate) fn take(&self, letter: &Arc<Letter>) {
        if self.slot.post(letter) {
            letter.note_taken();
            self.is_full.store(false, Ordering::Relaxed);
            return;
        }
        self.office.tally.failed.fetch_add(1, Ordering::Relaxed);
        let kind = letter.alert.kind.as_str();
        if self.is_full.swap(true, Ordering::Relaxed) {
            debug!(webhook = self.name, kind, "an alert is not taken");
        } else {
            warn!(
                webhook = self.name,
                kind, "an alert is not taken: too many wait for this webhook"
            );
        }
    }
}

struct Round {
    name: String,
    post: Arc<Post>,
    office: Office,
    queue: Queue,
}

impl Round {
    /// Until nothing more comes.
    async fn walk(&mut self) {
        while let Some(attempt) = self.queue.next().await {
            // The webhook is left alone so long, and what is then first goes first.
            if let Some(wait) = self.try_once(attempt).await {
                self.office.clock.sleep(wait).await;
            }
        }
    }

    /// Sends a letter once; how long to wait, if it is to be sent again.
    async fn try_once(&mut self, mut attempt: Attempt) -> Option<Duration> {
        let Office { clock, tally, .. } = &self.office;
        let alert = &attempt.letter.alert;
        let (webhook, kind) = (&self.name, alert.kind.as_str());
        let body = self.post.webhook().form.body(alert, &self.office.sender);
        let Err(error) = self.post.send(body, &**clock).await else {
            tally.delivered.fetch_add(1, Ordering::Relaxed);
            debug!(webhook, kind, "an alert was delivered");
            attempt.letter.note_reached();
            return None;
        };
        attempt.tries += 1;
        if !error.may_retry() || attempt.tries >= MAX_TRIES {
            tally.failed.fetch_add(1, Ordering::Relaxed);
            let tries = attempt.tries;
            warn!(webhook, kind, tries, %error, "an alert could not be delivered");
            return None;
        }
        let wait = wait_after(attempt.tries, &error);
        self.queue.put_back(attempt);
        Some(wait)
    }
}

/// How long to wait after so many tries: what the receiver asked for, or four times as long as before.
fn wait_after(tries: u32, error: &DeliveryError) -> Duration {
    let asked_for = match error {
        DeliveryError::Busy { retry_after, .. } => *retry_after,
        _ => None,
    };
    let ours = FIRST_WAIT * 4_u32.saturating_pow(tries.saturating_sub(1));
    asked_for.unwrap_or(ours).max(FIRST_WAIT)
}
