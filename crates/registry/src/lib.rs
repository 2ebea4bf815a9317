#![doc = include_str!("../README.md")]

mod asked;
mod changes;
mod drops;
mod error;
mod expiry;
mod garbage;
mod leases;
pub mod lifecycle;
mod lists;
mod local_registry;
mod moment;
mod pull;
mod push;
mod reading;
mod rebuild;
mod upload;
mod uploads;

pub use error::{PushError, Refused};
pub use expiry::{Expired, ExpiryError, MAX_PLANNED};
pub use garbage::Collected;
pub use local_registry::{LocalRegistry, Stores};
pub use moment::Spared;
pub use push::{Mounted, PushedAs};
pub use rebuild::{Lost, RebuildError, Rebuilt};
pub use upload::MAX_BLOB_BYTES;
pub use uploads::{Upload, Uploader};
