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
mod pending;
mod pull;
mod report;
mod spent_report;
mod storms;
mod upkeep;

pub use accounts::{Accounts, FORGET_ENTRY_AFTER, MAX_ENTRIES, MAX_FINISHED, Place};
pub use alerts::{AlertRules, Alerts, MAX_SUBJECTS};
pub use answered::{Answered, AnsweredByUpstream, AskedUpstream, Outcome, Refused, What};
pub use budgets::{Budgets, FORGET_BUDGET_AFTER};
pub use calibration::{Calibration, MAX_PAIR_GAP};
pub use config::LedgerConfig;
pub use cool_downs::{CoolDowns, UnwrittenCoolDowns};
pub use desk::{MAX_PAGE_ROWS, MAX_TOP};
pub use indexes::{Indexes, MAX_CHILDREN, MAX_INDEXES};
pub use ledger::{Ledger, LedgerSeams};
pub use moment::Moment;
pub use pending::{MAX_PENDING, Pending};
pub use pull::{Asked, LastAsked, Meaning, PULL_GAP, meaning};
pub use report::{
    BudgetReport, BudgetsReport, ClientReport, CostReport, ForecastReport, Metering, StormReport,
    UpstreamReport,
};
pub use spent_report::{
    ExportCursor, ExportPage, OrderWord, PeriodWord, RowReport, SpentReport, TopReport,
};
pub use storms::{MAX_CANDIDATES, MAX_STORMS, MAX_THRESHOLD, STORM_WINDOW, StormRules, Storms};
pub use upkeep::{FLUSH_EVERY, WRITE_AT_ONCE};
