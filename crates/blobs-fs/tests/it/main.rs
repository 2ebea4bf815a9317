//! Blobs as files, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the steps of tests fail by panics, and a skipped one must be seen"
)]

mod child;
mod crash;
mod damage;
mod data_dir;
mod disk_faults;
mod full_disk;
mod journal;
mod lending;
mod order;
mod power;
mod scene;
mod suite;
mod upkeep;
