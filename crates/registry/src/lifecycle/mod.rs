//! Lifecycle rules: which manifests of a repository go, by which rule, and why others are spared.
//!
//! Pure: what the repository holds comes in, what is to go comes out; asking what would go is the same call as letting it go. Rules
//! stand in an order, and the first that selects a manifest decides of it, as in Amazon ECR's lifecycle policies (`ecr`), so that
//! what one rule keeps no later one takes. Whatever rules say, what is pinned or referred to by what stays does not go.

pub mod ecr;
mod judge;
mod kin;
mod plan;
mod rule;
#[cfg(test)]
mod speed;
mod tag_pattern;
mod written;

pub use judge::{Ranks, Verdict, Why, judge};
pub use plan::{Candidate, Cause, Going, Plan, Shield, Spared, plan};
pub use rule::{Expiry, MAX_KEPT, MAX_PERIOD, MAX_RULES, Policy, Rule, Selection, Tagged};
pub use tag_pattern::{InvalidTagPattern, TagPattern};
pub use written::{InvalidRule, Written};
