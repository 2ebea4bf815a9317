//! One POST of one alert to one webhook.

use std::time::Duration;

use bytes::Bytes;
use forebay_content::Clock;
use forebay_http_kit::{AddressPolicy, Client, ClientPolicy, Outgoing, Redirects};
use forebay_limits::read_headers;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use url::Host;

use crate::error::{DeliveryError, WebhookError};
use crate::webhook::Webhook;

/// How long a webhook may take to answer, from the name's look-up on.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest wait that a webhook may ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The way to one webhook.
pub(crate) struct Post {
    webhook: Webhook,
    /// By which the client was made; its addresses are the webhook's matter.
    policy: ClientPolicy,
    client: Client,
}

impl Post {
    /// The way to `webhook`, by `policy` apart from the addresses: those that the operator allowed for this one.
    pub(crate) fn to(webhook: Webhook, policy: &ClientPolicy) -> Result<Self, WebhookError> {
        let mut policy = policy.clone();
        policy.addresses = addresses(&webhook);
        let client = Client::new(policy.clone()).map_err(WebhookError::Client)?;
        Ok(Self {
            webhook,
            policy,
            client,
        })
    }

    pub(crate) fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Whether one to `webhook` by `policy` would go there in the same way.
    pub(crate) fn is_to(&self, webhook: &Webhook, policy: &ClientPolicy) -> bool {
        let way = |policy: &ClientPolicy| {
            let ClientPolicy {
                trust,
                proxy,
                timeouts,
                user_agent,
                ..
            } = policy.clone();
            (trust, proxy, timeouts, user_agent)
        };
        self.webhook == *webhook && way(&self.policy) == way(policy)
    }

    /// Sends `body` once.
    pub(crate) async fn send(&self, body: Vec<u8>, clock: &dyn Clock) -> Result<(), DeliveryError> {
        let mut outgoing = Outgoing::new(Method::POST, self.webhook.url.clone());
        let json = HeaderValue::from_static("application/json");
        outgoing.headers.insert(CONTENT_TYPE, json);
        outgoing.body = Bytes::from(body);
        outgoing.redirects = Redirects::Refuse;
        let sent = tokio::time::timeout(ANSWER_WITHIN, self.client.send(outgoing)).await;
        let reply = sent.map_err(|_| DeliveryError::Unreached {
            why: "no answer in time",
        })??;
        let status = reply.status;
        if status.is_success() {
            return Ok(());
        }
        if status.is_redirection() {
            return Err(DeliveryError::Forbidden {
                why: "it redirects elsewhere",
            });
        }
        let status = status.as_u16();
        if status != 429 && status != 408 && !reply.status.is_server_error() {
            return Err(DeliveryError::Refused { status });
        }
        let headers = reply.headers.iter();
        let reading = read_headers(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
        let wait = reading.retry_after;
        let wait = wait.map(|advice| advice.wait(clock.now().system_time()).min(MAX_RETRY_AFTER));
        Err(DeliveryError::Busy {
            status,
            retry_after: wait,
        })
    }
}

/// Public addresses, and a private or loopback one that is written in the URL; those of a name only if the operator said so.
/// Link-local and other special ones never: cloud metadata services live there.
fn addresses(webhook: &Webhook) -> AddressPolicy {
    let policy = AddressPolicy::public_only();
    let is_name = matches!(webhook.url.host(), Some(Host::Domain(_)));
    match webhook.url.host_str() {
        Some(host) if webhook.private || !is_name => policy.allow_private_name(host),
        _ => policy,
    }
}
