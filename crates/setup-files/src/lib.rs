#![doc = include_str!("../README.md")]

mod edits;
mod error;
pub mod json;
mod pushed;
mod secrets;
mod usage;
pub mod workflow;
mod yaml;

pub use edits::{Edits, with_line_ends};
pub use error::{BoxError, SetupError};
pub use secrets::without_secrets;
pub use usage::{Usage, matrix_values};
pub use yaml::{Kind, Node, Yaml};
