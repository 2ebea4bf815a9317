//! A disk that loses its power, for tests.
//!
//! A [`Recorder`] tells what is asked of a disk, in its order. A [`Model`] takes these changes one by one and makes, at any point
//! between two of them, a directory that has what was made durable, and of the rest as much as is said.

mod model;
mod recorder;
#[cfg(test)]
mod tests;

pub use model::{Model, SURVIVALS, Survival, Unsynced};
pub use recorder::{Change, Recorder};
