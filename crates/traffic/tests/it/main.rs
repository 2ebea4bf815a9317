//! Captures and flow logs as programs write them, whole and broken.

#![expect(
    clippy::expect_used,
    reason = "a test whose set-up fails stops where it failed"
)]

mod broken;
mod captures;
mod flow_logs;
mod frames;
