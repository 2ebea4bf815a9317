#![doc = include_str!("../README.md")]

mod answer;
mod caller;
mod error;
mod range;
mod registry_api;
mod table;

pub use error::OciError;
pub use registry_api::RegistryApi;
pub use table::{ClientRules, Patience, Table};
