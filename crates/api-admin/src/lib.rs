#![doc = include_str!("../README.md")]

mod control;
mod health;
mod metrics;
mod process;
mod readings;
mod scrape;

pub use control::{
    CONTROL_SOCKET, Control, ControlError, FsckRequest, RefreshRequest, handle_control,
};
pub use health::{Readiness, healthz, readyz};
pub use metrics::Metrics;
pub use readings::{Process, Readings};
pub use scrape::scrape;
