//! Alerts before receivers, and keys before issuers, on loopback, that answer as they are told.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test whose set-up fails stops where it failed; receivers are tasks of its own"
)]

mod delivery;
mod issuer;
mod issuers;
mod logs;
mod receiver;
