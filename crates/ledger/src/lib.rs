#![doc = include_str!("../README.md")]

mod accounts;
mod alerts;
mod answered;
mod budgets;
mod calibration;
mod config;
mod cool_downs;
mod desk;
mod indexes;
mod ledger;
mod moment;
mod observe;
mod origin;
mod pending;
mod pull;
mod report;
mod rest_report;
mod spent_report;
mod storms;
mod upkeep;

pub use alerts::{AlertRules, Alerts};
pub use answered::{Answered, AnsweredByUpstream, AskedUpstream, Outcome, Refused, What};
pub use config::LedgerConfig;
pub use desk::{MAX_PAGE_ROWS, MAX_TOP};
pub use ledger::{Ledger, LedgerSeams};
pub use moment::Moment;
pub use pull::Asked;
pub use report::{
    BudgetReport, BudgetsReport, ClientReport, CostReport, ForecastReport, Metering, StormReport,
    UpstreamReport,
};
pub use rest_report::{RestReport, RestWhy, Rested};
pub use spent_report::{ExportPage, RowReport, SpentReport, TopReport};
pub use storms::{MAX_THRESHOLD, StormRules};
