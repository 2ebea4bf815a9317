//! The catalog as others see it: its suite, its durability, its faults.

#![expect(clippy::unwrap_used, reason = "a test fails by panics")]

mod suite;
