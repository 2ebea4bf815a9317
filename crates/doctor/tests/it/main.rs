//! The crate from outside.

mod bounds;
mod formats;
mod incidents;
mod stories;
mod world;
