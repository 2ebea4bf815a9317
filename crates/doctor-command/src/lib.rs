#![doc = include_str!("../README.md")]

mod command;
mod connections;
mod follow;
mod gathering;
mod ledger;
mod probe;
mod read;
mod show;
mod tools;
mod wait;

pub use command::{Args, run};
