#![doc = include_str!("../README.md")]

pub mod commands;
pub mod error;
pub mod exit;
pub mod printer;
pub mod program;
pub mod report;

pub use error::Failure;
pub use exit::ExitStatus;
pub use printer::Printer;
