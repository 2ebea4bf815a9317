#![doc = include_str!("../README.md")]

mod supervisor;

pub use supervisor::Supervisor;
