//! The crate from outside.
mod probe;
