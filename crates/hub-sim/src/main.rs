//! Runs a Docker Hub in a box.

fn main() {}
