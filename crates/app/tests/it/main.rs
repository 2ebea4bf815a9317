//! The whole program before hubs in a box: what clients get, and what the hubs were asked for it.

#![expect(
    clippy::expect_used,
    reason = "a test whose set-up fails stops where it failed"
)]

mod addressing;
mod client;
mod faults;
mod herd;
mod image;
mod lifecycle;
mod limits;
mod outage;
mod outside;
mod program;
mod regressions;
mod tags;
mod upkeep;
