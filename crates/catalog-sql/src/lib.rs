#![doc = include_str!("../README.md")]
#![expect(
    clippy::doc_markdown,
    reason = "SQLite and PostgreSQL are names, not code"
)]

mod accounts;
mod catalog;
mod dialect;
mod error;
mod key;
mod ledger;
mod limits;
mod lists;
mod maintain;
mod manifests;
mod objects;
mod pulls;
mod readers;
mod robots;
mod row;
mod schema;
mod seal;
mod session;
mod tags;
mod told;
mod totals;
mod unused;
mod users;
mod write;
mod writer;

pub use catalog::{FILE_NAME, SqlCatalog};
pub use writer::WriteCounts;
