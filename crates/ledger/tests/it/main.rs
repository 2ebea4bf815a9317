//! The ledger as a whole: over rows in memory, with a clock that is moved by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panics")]

mod alerts;
mod limits;
mod rows;
mod speed;
mod storms;
mod world;
