#![doc = include_str!("../README.md")]

mod allowed;
mod asking;
mod blobs;
mod caching_source;
mod fill;
mod filling;
mod fills;
mod flight;
mod freshness;
mod fsck;
mod health;
mod keep;
mod kept;
mod leftover;
mod links;
mod lists;
mod manifests;
mod nearest;
mod negative;
mod passing;
mod policy;
mod promises;
mod reading;
mod recency;
mod space;
mod tags;
mod upkeep;

pub use allowed::Allowed;
pub use caching_source::CachingSource;
pub use fsck::{FsckError, FsckMode, FsckReport, fsck};
pub use health::Health;
pub use kept::Kept;
pub use policy::{OnGone, Policy, TtlRule};
pub use tags::Refreshed;
