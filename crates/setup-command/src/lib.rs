#![doc = include_str!("../README.md")]

mod apply;
mod command;
mod disk;
mod login;
mod probe;
mod run_steps;
mod show;
mod weigh;

pub use command::{Args, run};
