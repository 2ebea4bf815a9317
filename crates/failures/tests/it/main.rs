//! The crate from outside.

mod heldout;
mod lines;
mod mutations;
mod reported;
mod scanned;
mod written;
