//! What lifecycle rules make of a repository: which of its manifests go, by which rule, and why others are spared.
//!
//! Pure: what the repository holds comes in, what is to go comes out; asking what would go is the same call as letting it go. Rules
//! stand in an order, and the first that selects a manifest decides of it, as in Amazon ECR's lifecycle policies, so that
//! what one rule keeps no later one takes. Whatever rules say, what is pinned or referred to by what stays does not go.

#[cfg(test)]
mod ecr_examples;
mod judge;
mod kin;
mod plan;
#[cfg(test)]
mod speed;

pub use judge::Why;
pub(crate) use plan::{Candidate, plan};
pub use plan::{Cause, Going, Plan, Shield, Spared};
