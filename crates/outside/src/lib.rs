#![doc = include_str!("../README.md")]

mod courier;
mod error;
mod form;
mod letter;
mod post;
mod queue;
mod webhook;
mod webhooks;

pub use courier::MAX_TRIES;
pub use error::{DeliveryError, WebhookError};
pub use form::Form;
pub use post::{ANSWER_WITHIN, MAX_RETRY_AFTER};
pub use queue::MAX_WAITING;
pub use webhook::Webhook;
pub use webhooks::{Counts, MAX_WEBHOOKS, Webhooks};
