//! A real-world file of each format, and what is found in it.

mod aws;
mod compose;
mod kubernetes;
mod pipelines;
mod values;
