#![doc = include_str!("../README.md")]

mod admission;
mod answer;
mod answered;
mod asking;
mod auditing;
mod caller;
mod client_limits;
mod door;
mod error;
mod guest;
mod list_turns;
mod pushing;
mod range;
mod refusals;
mod registry_api;
mod table;
mod tokens;

pub use admission::ClientRules;
pub use answered::{Answered, CLIENT_LIMITED, Outcome, RefusedLogin, What};
pub use client_limits::{ClientLimit, LimitedClients};
pub use door::{AccessPoint, TOKEN_PATH};
pub use error::OciError;
pub use registry_api::RegistryApi;
pub use table::{ANSWER_WITHIN, Patience, Table};
