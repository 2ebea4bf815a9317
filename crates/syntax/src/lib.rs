#![doc = include_str!("../README.md")]

pub mod dockerfile;
pub mod expressions;
mod format;
pub mod helm;
mod json;
mod lines;
pub mod matrix;
mod note;
pub mod plain;
pub mod segments;
mod tree;
mod yaml;

pub use format::Format;
pub use json::read as read_json;
pub use lines::Lines;
pub use note::Note;
pub use tree::{At, Style, Tree};
pub use yaml::read as read_yaml;
