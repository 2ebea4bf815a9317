//! The crate from outside.

mod formats;
mod listing;
