#![doc = include_str!("../README.md")]
#![expect(
    clippy::doc_markdown,
    reason = "SQLite and PostgreSQL are names, not code"
)]

mod catalog;
mod database;
mod dialect;
mod error;
mod key;
mod layout;
mod ledger;
mod limits;
mod lists;
mod maintain;
mod manifests;
mod objects;
mod pulls;
mod readers;
mod registry;
mod row;
mod schema;
mod seal;
mod session;
mod tags;
mod told;
mod totals;
mod unused;
mod write;
mod writer;

pub use catalog::{FILE_NAME, SqlCatalog};
pub use dialect::files_of;
pub use registry::{REGISTRY_FILE_NAME, RowsCopy, SqlRegistry};
pub use writer::WriteCounts;
