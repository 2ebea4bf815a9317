//! Alerts before receivers on loopback that answer as they are told.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test whose set-up fails stops where it failed; receivers are tasks of its own"
)]

mod delivery;
mod logs;
mod receiver;
