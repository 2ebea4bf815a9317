//! What is told of who spent what: sums by spender, and rows by hour and day, ready to be written as JSON.
//!
//! Times are milliseconds since the UNIX epoch. What clients say of themselves is made fit to be shown.

use forebay_content::{Period, PullCounts, PullCursor, PullOrder, Spender, Spent};
use forebay_limits::{PullCost, printable};
use serde::{Deserialize, Serialize};

use crate::report::{ClientReport, MAX_NAME_BYTES, StormReport};

/// What one spender did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentReport {
    /// Who; only an address where it did more than is told apart of one, `None` for all whose rows were merged.
    pub client: Option<ClientReport>,
    /// At which upstream.
    pub upstream: String,
    /// Which repository; `None` for all of them.
    pub repository: Option<String>,
    /// The tag or digest that it asked for last.
    pub reference: Option<String>,
    /// What was counted.
    #[serde(flatten)]
    pub counts: PullCounts,
    /// Pulls that the upstream charged to us at least.
    pub charged_min: u64,
    /// Pulls that the upstream charged to us at most: the same once it is known what a platform costs.
    pub charged_max: u64,
    /// When it asked first.
    pub first_unix_ms: i64,
    /// When it asked last.
    pub last_unix_ms: i64,
}

/// What one spender did in one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReport {
    /// The length of the period.
    pub period: Period,
    /// When it begins.
    pub start_unix_ms: i64,
    /// What was done.
    #[serde(flatten)]
    pub spent: SpentReport,
}

/// A part of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPage {
    /// The rows, the oldest first.
    pub rows: Vec<RowReport>,
    /// After which to go on; `None` if these were the last.
    pub next: Option<PullCursor>,
}

/// Those who spent most, and the storms of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopReport {
    /// When this was so.
    pub at_unix_ms: i64,
    /// From when on it was counted.
    pub since_unix_ms: i64,
    /// What it is ordered by.
    pub order: PullOrder,
    /// The storms, those who ask most first.
    pub storms: Vec<StormReport>,
    /// The spenders.
    pub spent: Vec<SpentReport>,
}

impl SpentReport {
    /// What is told of `spent` at an upstream where one platform of a multi-platform image costs so much.
    pub fn of(spent: &Spent, cost: PullCost) -> Self {
        let counts = spent.counts;
        let charged = cost.charged(counts.metered, counts.after_index);
        let spender = &spent.spender;
        Self {
            client: match spender {
                Spender::Client { client, .. } => Some((&**client).into()),
                Spender::Address { address, .. } => Some(ClientReport::at(*address)),
                Spender::Others { .. } => None,
            },
            upstream: spender.upstream().to_string(),
            repository: spender.repository().map(ToString::to_string),
            reference: spent
                .reference
                .as_deref()
                .map(|reference| printable(reference, MAX_NAME_BYTES)),
            counts,
            charged_min: *charged.start(),
            charged_max: *charged.end(),
            first_unix_ms: spent.first_at.0,
            last_unix_ms: spent.last_at.0,
        }
    }
}
