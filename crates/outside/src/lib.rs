#![doc = include_str!("../README.md")]

mod courier;
mod error;
mod form;
mod issuers;
mod letter;
mod post;
mod queue;
mod webhook;
mod webhooks;

pub use courier::MAX_TRIES;
pub use error::{DeliveryError, WebhookError};
pub use form::Form;
pub use issuers::{
    FETCH_WITHIN, Issuer, IssuerError, Issuers, MAX_FRESH, MIN_FRESH, MISSING_KEY_WAIT, NewIssuers,
    RETRY_WAIT, STALE_FOR,
};
pub use post::{ANSWER_WITHIN, MAX_RETRY_AFTER};
pub use queue::MAX_WAITING;
pub use webhook::Webhook;
pub use webhooks::{Counts, MAX_WEBHOOKS, Webhooks};
