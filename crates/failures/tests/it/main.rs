//! The crate from outside.

mod lines;
mod mutations;
mod reported;
mod scanned;
mod written;
