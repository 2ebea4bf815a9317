#![doc = include_str!("../README.md")]

pub mod answer;
pub mod ask;
mod conduct;
mod content;
pub mod digest;
pub mod document;
mod groups;
pub mod life;
mod noise;
pub mod registry;
pub mod repository;
pub mod session;
pub mod suite;
pub mod verdict;
pub mod way;
mod wire;

pub use noise::Blob;
