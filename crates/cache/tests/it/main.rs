//! The cache before a scripted upstream: what clients get, what is asked, what is kept.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and ends with its tasks"
)]

mod bench;
mod blobs;
mod counts;
mod disk;
mod eviction;
mod fills;
mod fsck;
mod herd;
mod hooked_catalog;
mod kills;
mod lists;
mod manifests;
mod refusing;
mod repair;
mod scripted;
mod shared_disk;
mod spending;
mod suppliers;
mod tags;
mod unreadable;
mod upkeep;
