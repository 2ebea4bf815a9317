#![doc = include_str!("../README.md")]

mod access;
mod address;
mod client;
mod clients;
mod difference;
mod password;
mod plan;
mod probe;
mod reach;
mod record;
mod shell;

pub use access::{Access, Registry, plan_access};
pub use address::{Address, NoAddress};
pub use client::Client;
pub use clients::plan;
pub use difference::difference;
pub use forebay_setup_files::{BoxError, SetupError, without_secrets};
pub use password::Password;
pub use plan::{
    FallThrough, FileChange, Files, Guard, Input, MAX_FILE_BYTES, Order, Otherwise, Plan, Snippet,
    Standing, Step,
};
pub use probe::{ProbeWay, Served, Verdict, probe_ways};
pub use reach::{HOSTS_TOML, Reach};
pub use record::{ChangedSince, NoRecord, Record, Undo, Written};
pub use shell::command_line;
