//! What is told of who spent what: sums by spender, and rows by hour and day, ready to be written as JSON.
//!
//! Times are milliseconds since the UNIX epoch. What clients say of themselves is made fit to be shown.

use forebay_content::{
    Period, PullCounts, PullCursor, PullOrder, PullPage, PullRow, Spender, Spent, Timestamp,
};
use forebay_limits::printable;
use serde::{Deserialize, Serialize};

use crate::report::{ClientReport, MAX_NAME_BYTES, StormReport};

/// What one spender did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentReport {
    /// Who; `None` for all whose rows were merged.
    pub client: Option<ClientReport>,
    /// At which upstream.
    pub upstream: String,
    /// Which repository; `None` for all of them.
    pub repository: Option<String>,
    /// The tag or digest that it asked for last.
    pub reference: Option<String>,
    /// Requests answered, of all kinds.
    pub requests: u64,
    /// Images pulled.
    pub pulls: u64,
    /// Pulls that the upstream charged to us.
    pub charged: u64,
    /// Bytes sent from what is kept.
    pub bytes_cache: u64,
    /// Bytes sent from the upstream.
    pub bytes_upstream: u64,
    /// Answers that were out of date because the upstream could not be asked.
    pub stale: u64,
    /// Answers that were errors.
    pub errors: u64,
    /// When it asked first.
    pub first_unix_ms: i64,
    /// When it asked last.
    pub last_unix_ms: i64,
}

/// What one spender did in one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReport {
    /// The length of the period.
    pub period: PeriodWord,
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
    pub next: Option<ExportCursor>,
}

/// A place between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportCursor {
    start_unix_ms: i64,
    period: PeriodWord,
    spender: i64,
}

/// Those who spent most, and the storms of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopReport {
    /// When this was so.
    pub at_unix_ms: i64,
    /// From when on it was counted.
    pub since_unix_ms: i64,
    /// What it is ordered by.
    pub order: OrderWord,
    /// The storms, those who ask most first.
    pub storms: Vec<StormReport>,
    /// The spenders.
    pub spent: Vec<SpentReport>,
}

/// A period's length as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodWord {
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

/// What spenders are ordered by, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderWord {
    /// Pulls that the upstream charged.
    #[default]
    Charged,
    /// Images pulled.
    Pulls,
    /// Requests.
    Requests,
    /// Bytes sent, from wherever.
    Bytes,
    /// Answers that were out of date.
    Stale,
    /// Errors.
    Errors,
}

impl From<&Spent> for SpentReport {
    fn from(spent: &Spent) -> Self {
        let Spent {
            spender,
            counts,
            first_at,
            last_at,
            reference,
        } = spent;
        let PullCounts {
            requests,
            pulls,
            charged,
            bytes_cache,
            bytes_upstream,
            stale,
            errors,
        } = *counts;
        Self {
            client: spender.client().map(|client| (&**client).into()),
            upstream: spender.upstream().to_string(),
            repository: Spender::repository(spender).map(ToString::to_string),
            reference: reference
                .as_deref()
                .map(|reference| printable(reference, MAX_NAME_BYTES)),
            requests,
            pulls,
            charged,
            bytes_cache,
            bytes_upstream,
            stale,
            errors,
            first_unix_ms: first_at.0,
            last_unix_ms: last_at.0,
        }
    }
}

impl SpentReport {
    /// Bytes sent, from wherever.
    pub fn bytes(&self) -> u64 {
        self.bytes_cache.saturating_add(self.bytes_upstream)
    }
}

impl From<&PullRow> for RowReport {
    fn from(row: &PullRow) -> Self {
        Self {
            period: row.period.into(),
            start_unix_ms: row.start.0,
            spent: (&row.spent).into(),
        }
    }
}

impl From<&PullPage> for ExportPage {
    fn from(page: &PullPage) -> Self {
        Self {
            rows: page.rows.iter().map(RowReport::from).collect(),
            next: page.next.map(|next| ExportCursor {
                start_unix_ms: next.start.0,
                period: next.period.into(),
                spender: next.spender,
            }),
        }
    }
}

impl From<ExportCursor> for PullCursor {
    fn from(cursor: ExportCursor) -> Self {
        Self {
            start: Timestamp(cursor.start_unix_ms),
            period: match cursor.period {
                PeriodWord::Hour => Period::Hour,
                PeriodWord::Day => Period::Day,
            },
            spender: cursor.spender,
        }
    }
}

impl From<Period> for PeriodWord {
    fn from(period: Period) -> Self {
        match period {
            Period::Hour => Self::Hour,
            Period::Day => Self::Day,
        }
    }
}

impl PeriodWord {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl From<OrderWord> for PullOrder {
    fn from(order: OrderWord) -> Self {
        match order {
            OrderWord::Charged => Self::Charged,
            OrderWord::Pulls => Self::Pulls,
            OrderWord::Requests => Self::Requests,
            OrderWord::Bytes => Self::Bytes,
            OrderWord::Stale => Self::Stale,
            OrderWord::Errors => Self::Errors,
        }
    }
}
