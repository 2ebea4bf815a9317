//! The crate from outside.

mod rewriting;
