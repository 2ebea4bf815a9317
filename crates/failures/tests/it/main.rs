//! The crate from outside.

mod heldout;
mod lines;
mod mutations;
mod remembered;
mod reported;
mod rows;
mod scanned;
mod scored;
mod sifted;
mod unseen;
mod ways;
mod written;
