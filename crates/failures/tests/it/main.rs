//! The crate from outside.

mod lines;
mod reported;
mod scanned;
mod written;
