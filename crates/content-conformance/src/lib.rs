#![doc = include_str!("../README.md")]

pub mod accounts;
pub mod blob_store;
pub mod catalog;
pub mod hosted;
pub mod journal;
pub mod ledger;
