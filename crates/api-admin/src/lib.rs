#![doc = include_str!("../README.md")]

mod control;
mod health;
mod metrics;
mod process;
mod readings;

pub use control::{
    CONTROL_SOCKET, Control, ControlError, FsckRequest, RefreshRequest, handle_control,
};
pub use health::{Readiness, healthz, readyz};
pub use metrics::{METRICS_CONTENT_TYPE, Metrics};
pub use readings::{Process, Readings};
