#![doc = include_str!("../README.md")]

pub mod gc;
mod image;
pub mod pin;
pub mod repo;
