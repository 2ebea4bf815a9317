#![doc = include_str!("../README.md")]

mod courier;
mod error;
mod form;
mod post;
mod webhook;
mod webhooks;

pub use courier::{MAX_TRIES, MAX_WAITING};
pub use error::{DeliveryError, WebhookError};
pub use form::Form;
pub use post::{ANSWER_WITHIN, MAX_RETRY_AFTER};
pub use webhook::Webhook;
pub use webhooks::{Counts, MAX_WEBHOOKS, Webhooks};
