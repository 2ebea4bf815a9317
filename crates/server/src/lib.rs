#![doc = include_str!("../README.md")]

mod access_log;
mod answers;
mod askers;
mod audit_log;
mod check;
mod control;
mod control_client;
mod data;
mod descriptors;
mod desk;
mod front;
mod greeting;
mod hosting;
mod ledger;
mod ledger_door;
mod logging;
mod probing;
mod process;
mod reload;
mod routes;
mod serve;
mod survey;
mod surveyor;
mod tls;
mod upstreams;
mod voice;
mod warm;

pub use askers::find_digests;
pub use check::{CheckReport, check_stopped};
pub use control_client::ask_running;
pub use data::{DataDir, is_data_dir};
pub use ledger_door::{LedgerDoor, test_alerts};
pub use probing::{Heard, Probed, Proof, Unanswered, ask_mirror, probe};
pub use serve::{serve, serve_on};
pub use survey::survey;
pub use warm::warm;
