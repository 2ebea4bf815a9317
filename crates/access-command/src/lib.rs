#![doc = include_str!("../README.md")]

mod password;
pub mod token;
pub mod user;
