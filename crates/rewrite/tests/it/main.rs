//! The crate from outside.

mod rewriting;
mod together;
mod variables;
