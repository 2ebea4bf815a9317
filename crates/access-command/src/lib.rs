#![doc = include_str!("../README.md")]

mod change;
mod password;
pub mod token;
pub mod user;
mod words;
