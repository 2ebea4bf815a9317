#![doc = include_str!("../README.md")]

mod client_metrics;
mod control;
mod health;
mod hosted_metrics;
mod ledger_metrics;
mod metrics;
mod process;
mod readings;
mod scrape;
mod tls_metrics;

pub use control::{
    BackupProgress, BackupRequest, BudgetRequest, CONTROL_SOCKET, Control, ControlError, Delivery,
    ExportRequest, FsckRequest, OneRepository, RefreshRequest, TopRequest, WarmRequest, Warmed,
    handle_control,
};
pub use health::{Readiness, healthz, readyz};
pub use ledger_metrics::LedgerReadings;
pub use metrics::Metrics;
pub use readings::{HostedReadings, Process, Readings, TlsReadings};
pub use scrape::scrape;
