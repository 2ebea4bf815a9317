//! The repository own checks.

fn main() {}
