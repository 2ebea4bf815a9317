//! Forecasts as a whole: tables of deploys, and what holds for all of them.

#![expect(
    clippy::expect_used,
    reason = "a test whose set-up fails stops where it failed"
)]

mod deploy;
mod laws;
mod tables;
