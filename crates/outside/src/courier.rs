//! Brings alerts to one webhook, one after another, again where that may help.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::{Alert, Clock};
use forebay_jobs::Supervisor;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::error::DeliveryError;
use crate::post::Post;

/// The most alerts that wait for one webhook; more are lost.
pub const MAX_WAITING: usize = 64;

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
    queue: mpsc::Sender<Alert>,
    office: Office,
}

impl Courier {
    /// Begins a courier for the webhook of this place in the configuration, counted from one.
    pub(crate) fn begin(number: usize, post: Post, office: &Office) -> Self {
        let name = format!("{number} ({})", post.webhook().form.as_str());
        let post = Arc::new(post);
        let (queue, mut waiting) = mpsc::channel(MAX_WAITING);
        let round = Round {
            name: name.clone(),
            post: Arc::clone(&post),
            office: office.clone(),
        };
        let stop = office.tasks.clone();
        office.tasks.spawn("webhook", async move {
            while let Some(alert) = next(&mut waiting, &stop).await {
                tokio::select! {
                    () = round.bring(&alert) => {}
                    () = stop.stopping() => return,
                }
            }
        });
        Self {
            name,
            post,
            queue,
            office: office.clone(),
        }
    }

    /// Takes an alert over; one that is too much is lost.
    pub(crate) fn take(&self, alert: &Alert) {
        if self.queue.try_send(alert.clone()).is_err() {
            self.office.tally.failed.fetch_add(1, Ordering::Relaxed);
            warn!(
                webhook = self.name,
                kind = alert.kind.as_str(),
                "an alert is lost: too many wait for this webhook"
            );
        }
    }
}

async fn next(waiting: &mut mpsc::Receiver<Alert>, stop: &Supervisor) -> Option<Alert> {
    tokio::select! {
        alert = waiting.recv() => alert,
        () = stop.stopping() => None,
    }
}

struct Round {
    name: String,
    post: Arc<Post>,
    office: Office,
}

impl Round {
    async fn bring(&self, alert: &Alert) {
        let (webhook, kind) = (&self.name, alert.kind.as_str());
        match self.try_often(alert).await {
            Ok(()) => {
                self.office.tally.delivered.fetch_add(1, Ordering::Relaxed);
                debug!(webhook, kind, "an alert was delivered");
            }
            Err(error) => {
                self.office.tally.failed.fetch_add(1, Ordering::Relaxed);
                warn!(webhook, kind, %error, "an alert could not be delivered");
            }
        }
    }

    async fn try_often(&self, alert: &Alert) -> Result<(), DeliveryError> {
        let body = self.post.webhook().form.body(alert, &self.office.sender);
        let clock = &*self.office.clock;
        for tries in 1.. {
            let Err(error) = self.post.send(body.clone(), clock).await else {
                return Ok(());
            };
            if !error.may_retry() || tries >= MAX_TRIES {
                return Err(error);
            }
            clock.sleep(wait_after(tries, &error)).await;
        }
        Ok(())
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
