#![doc = include_str!("../README.md")]

mod blob_store;
mod budget;
mod catalog;
mod clock;
mod error;
mod event;
pub mod memory;
mod range;
mod source;

pub use blob_store::{BlobError, BlobReader, BlobStat, BlobStore, Stage, collect_reader};
pub use budget::Budget;
pub use catalog::{
    Catalog, CatalogError, Child, ChildKind, KeptList, KeptManifest, KeptTag, Links, ListKey,
    Lists, Manifests, Object, Objects, Tags, Unused, Usage,
};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::{BoxError, Missing, SourceError};
pub use event::{Event, FillEnd, Ignore, Observe, UpstreamAnswer, UpstreamCall};
pub use range::{ByteRange, Unsatisfiable};
pub use source::{
    Blob, BlobStream, Caller, ClientKind, ContentSource, List, ManifestContent, Provenance,
    Request, Resolved, collect,
};
