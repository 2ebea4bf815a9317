#![doc = include_str!("../README.md")]

mod command;
mod connections;
mod decoding;
mod follow;
mod gathering;
mod ledger;
mod probe;
mod read;
mod report_file;
mod show;
mod source;
mod tools;
mod wait;
mod written;

pub use command::{Args, run};
