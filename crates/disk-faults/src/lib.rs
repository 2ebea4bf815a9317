#![doc = include_str!("../README.md")]

pub mod child;
mod faulty_disk;
pub mod power_loss;

pub use faulty_disk::{Effect, Fault, FaultyDisk, Target};
