//! The catalog as others see it: its suite, its durability, its faults.

#![expect(clippy::unwrap_used, reason = "a test fails by panics")]

mod accounts;
mod damage;
mod durability;
mod faulty_disk;
mod ledger_speed;
mod looking;
mod maintenance;
mod migration;
mod model;
mod registry;
mod sharing;
mod speed;
mod suite;
mod words;
