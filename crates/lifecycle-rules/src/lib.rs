#![doc = include_str!("../README.md")]

mod age;
pub mod ecr;
mod rule;
mod tag_pattern;
mod written;

pub use age::Age;
pub use rule::{Expiry, MAX_KEPT, MAX_PERIOD, MAX_RULES, Policy, Rule, Selection, Tagged};
pub use tag_pattern::{InvalidTagPattern, TagPattern};
pub use written::{InvalidRule, Written};
