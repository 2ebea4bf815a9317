#![doc = include_str!("../README.md")]

mod asked_blobs;
mod catch_up;
mod changes;
mod check;
mod disk_health;
mod drops;
mod error;
mod expiry;
mod garbage;
mod leases;
pub mod lifecycle;
mod lists;
mod local_registry;
mod moment;
mod names;
mod operator;
mod orders;
mod owner;
mod pace;
mod pages;
mod pull;
mod push;
mod reading;
mod rebuild;
mod upload;
mod uploads;

pub use check::{AtRest, CheckError, LostObject, RebuiltRows, RegistryCheck};
pub use error::{PushError, Refused};
pub use expiry::{Expired, ExpiryError, MAX_PLANNED, TellGone};
pub use garbage::Collected;
pub use local_registry::{LocalRegistry, Stores};
pub use moment::Spared;
pub use names::{IsLocal, Narrowed};
pub use operator::{APPLIED_EVERY, Applied, FIRST_AFTER, Operator};
pub use orders::{
    CollectedText, DetailText, ExpiredText, GoingText, MAX_NAMED, MIN_GRACE, ManifestText,
    RepositoryOrder, RepositoryOrderError, RepositoryOutcome, RepositoryText, RuleSummary,
    RuleText, SparedText,
};
pub use owner::{
    Deleted, InvalidSettings, MAX_IMMUTABLE_PATTERNS, Made, Quota, Settings, SettingsChange,
};
pub use push::{MAX_CHILDREN, Mounted, PushedAs, TAG_BOUNDS};
pub use rebuild::{Lost, RebuildError, Rebuilt};
pub use upload::MAX_BLOB_BYTES;
pub use uploads::{Upload, Uploader};
