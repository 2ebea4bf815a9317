//! The crate from outside.

mod formats;
mod hostile;
mod listing;
mod planted;
