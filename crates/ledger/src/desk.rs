//! What the ledger tells people who ask: whole reports.

use std::collections::BTreeMap;
use std::time::Duration;

use forebay_content::{
    CatalogError, MAX_PULL_ROWS, Period, PullCursor, PullOrder, PullRow, Spent, TimeRange,
    Timestamp,
};

use forebay_oci::RepositoryName;

use crate::ledger::Ledger;
use crate::report::{BudgetsReport, UpstreamReport};
use crate::spent_report::{ExportPage, RowReport, SpentReport, TopReport};

/// The most spenders of one report.
pub const MAX_TOP: u32 = 1_000;

/// The most spenders among whom those of one repository are looked for: all that are kept.
#[expect(clippy::cast_possible_truncation, reason = "a constant that fits")]
const MAX_SEARCHED: u32 = MAX_PULL_ROWS as u32;

/// The most rows of one page of an export.
pub const MAX_PAGE_ROWS: u32 = 5_000;

impl Ledger {
    /// What is known of the budgets of these upstreams, also of those that were not heard of yet; of no others.
    pub fn budgets_of<'a>(&self, upstreams: impl IntoIterator<Item = &'a str>) -> BudgetsReport {
        let known = self.budgets().into_iter();
        let mut known: BTreeMap<String, UpstreamReport> = known
            .map(|report| (report.upstream.clone(), report))
            .collect();
        let of = |name: &str| {
            known
                .remove(name)
                .unwrap_or_else(|| UpstreamReport::unknown(name))
        };
        BudgetsReport {
            at_unix_ms: self.now().wall.0,
            upstreams: upstreams.into_iter().map(of).collect(),
        }
    }

    /// Those who spent most in the last `within`, at most `limit` and [`MAX_TOP`], and the storms of now. Hours are counted
    /// whole.
    pub async fn top_report(
        &self,
        within: Duration,
        order: PullOrder,
        limit: u32,
    ) -> Result<TopReport, CatalogError> {
        let range = self.range(within);
        let spent = self.top(range, order, limit.min(MAX_TOP)).await?;
        Ok(self.top_told(range, order, &spent))
    }

    /// The same of one repository of an upstream, however little of all that is.
    pub async fn top_report_of(
        &self,
        within: Duration,
        order: PullOrder,
        (upstream, repository): (&str, &str),
    ) -> Result<TopReport, CatalogError> {
        let range = self.range(within);
        let mut spent = self.top(range, order, MAX_SEARCHED).await?;
        spent.retain(|spent| {
            let spender = &spent.spender;
            let is_of = |name: &RepositoryName| name.as_str() == repository;
            **spender.upstream() == *upstream && spender.repository().is_some_and(is_of)
        });
        spent.truncate(usize::try_from(MAX_TOP).unwrap_or(usize::MAX));
        Ok(self.top_told(range, order, &spent))
    }

    /// From so long ago until now.
    fn range(&self, within: Duration) -> TimeRange {
        let now = self.now().wall;
        TimeRange {
            since: before(now, within),
            // What lies further ahead was counted while the clock was wrong.
            until: now.after(Period::Day.length()),
        }
    }

    fn top_told(&self, range: TimeRange, order: PullOrder, spent: &[Spent]) -> TopReport {
        TopReport {
            at_unix_ms: self.now().wall.0,
            since_unix_ms: range.since.0,
            order,
            storms: self.storms(),
            spent: spent.iter().map(|spent| self.told(spent)).collect(),
        }
    }

    /// One page of an export.
    pub async fn export_page(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
    ) -> Result<ExportPage, CatalogError> {
        let page = self.export(range, after, MAX_PAGE_ROWS).await?;
        let told = |row: &PullRow| RowReport {
            period: row.period,
            start_unix_ms: row.start.0,
            spent: self.told(&row.spent),
        };
        Ok(ExportPage {
            rows: page.rows.iter().map(told).collect(),
            next: page.next,
        })
    }

    fn told(&self, spent: &Spent) -> SpentReport {
        let cost = self.lock_budgets().cost(spent.spender.upstream());
        SpentReport::of(spent, cost)
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(span))
}
