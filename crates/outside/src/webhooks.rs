//! All webhooks of a configuration: who takes alerts over, and who tries whether they arrive.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use forebay_content::{Alert, Clock, Notify, Settled};
use forebay_http_kit::ClientPolicy;
use forebay_jobs::Supervisor;
use futures::future::join_all;

use crate::courier::{Courier, Office, Tally};
use crate::error::{DeliveryError, WebhookError};
use crate::letter::{Letter, Outcomes};
use crate::post::Post;
use crate::webhook::Webhook;

/// The most webhooks.
pub const MAX_WEBHOOKS: usize = 16;

/// Carries alerts to webhooks.
pub struct Webhooks {
    couriers: ArcSwap<Vec<Courier>>,
    office: Office,
}

/// What became of alerts, counted for each webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Delivered.
    pub delivered: u64,
    /// Given up, or not taken because too many waited.
    pub failed: u64,
}

impl Webhooks {
    /// No webhook yet; `sender` is how alerts call this program.
    pub fn new(clock: Arc<dyn Clock>, tasks: Supervisor, sender: &str) -> Self {
        Self {
            couriers: ArcSwap::default(),
            office: Office {
                clock,
                tasks,
                tally: Arc::new(Tally::default()),
                outcomes: Arc::new(Outcomes::default()),
                sender: sender.into(),
            },
        }
    }

    /// Alerts go to these from now on, by `policy` apart from its addresses. What waits for those before is still brought. A
    /// webhook beyond [`MAX_WEBHOOKS`] is left out.
    ///
    /// # Errors
    /// A client cannot be made; then all stays as it was.
    pub fn set(&self, webhooks: Vec<Webhook>, policy: &ClientPolicy) -> Result<(), WebhookError> {
        let before = self.couriers.load();
        let is_same = before.len() == webhooks.len()
            && before
                .iter()
                .zip(&webhooks)
                .all(|(courier, webhook)| courier.post.is_to(webhook, policy));
        if is_same {
            return Ok(());
        }
        let posts = webhooks
            .into_iter()
            .take(MAX_WEBHOOKS)
            .map(|webhook| Post::to(webhook, policy))
            .collect::<Result<Vec<_>, _>>()?;
        let numbered = (1..).zip(posts);
        let couriers = numbered.map(|(number, post)| Courier::begin(number, post, &self.office));
        self.couriers.store(Arc::new(couriers.collect()));
        Ok(())
    }

    /// Sends `alert` to each webhook once and tells what came of it, in the order of the configuration.
    pub async fn try_all(&self, alert: &Alert) -> Vec<(String, Result<(), DeliveryError>)> {
        let couriers = self.couriers.load_full();
        let tries = couriers.iter().map(|courier| async {
            let body = courier.post.webhook().form.body(alert, &self.office.sender);
            let sent = courier.post.send(body, &*self.office.clock).await;
            (courier.name.clone(), sent)
        });
        join_all(tries).await
    }

    /// What became of alerts so far.
    pub fn counts(&self) -> Counts {
        let tally = &self.office.tally;
        Counts {
            delivered: tally.delivered.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
        }
    }
}

#[async_trait]
impl Notify for Webhooks {
    fn notify(&self, alert: &Alert) -> bool {
        let letter = Letter::new(alert, &self.office.outcomes);
        for courier in self.couriers.load().iter() {
            courier.take(&letter);
        }
        letter.is_taken()
    }

    async fn settled(&self) -> Vec<Settled> {
        self.office.outcomes.take().await
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}
