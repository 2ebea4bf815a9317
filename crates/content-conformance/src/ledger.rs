//! What every implementation of the ledger's rows does, one sentence a function.
//!
//! `ledger_suite!(fresh)` makes a test of each; `fresh` is an async function that gives empty rows and whatever must outlive
//! them: `async fn fresh() -> (SqlCatalog, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

mod limits;
mod pulls;
mod told;
mod top;

pub use limits::*;
pub use pulls::*;
pub use told::*;
pub use top::*;

use std::sync::Arc;

use forebay_content::{
    Client, Period, PullCounts, PullRow, PullRows, Spender, Spent, TimeRange, Timestamp,
};
use forebay_oci::Target;

/// Makes a test of every sentence about the ledger's rows.
#[macro_export]
macro_rules! ledger_suite {
    ($fresh:path) => {
        $crate::ledger_suite!(@each $fresh;
            a_row_is_told_as_added,
            what_is_added_to_a_row_is_summed,
            a_later_reference_takes_the_place_of_an_earlier_one,
            rows_are_apart_by_every_part_of_their_key,
            a_count_stops_at_its_bound,
            rows_of_others_are_told_as_such,
            the_rest_of_an_address_is_told_as_such,
            rows_are_told_page_by_page_the_oldest_first,
            a_range_takes_the_periods_that_reach_into_it,
            hours_are_rolled_up_into_their_days_and_sums_stay,
            hours_rolled_up_late_are_added_to_their_day,
            old_rows_are_forgotten,
            the_same_row_added_by_many_at_once_is_summed,
            the_sums_of_a_spender_are_those_of_all_its_rows,
            sums_come_in_the_order_asked_for,
            sums_come_page_by_page,
            sums_are_of_the_range_alone,
            budgets_are_told_as_kept,
            a_budget_kept_again_takes_the_place_of_the_one_before,
            the_cost_of_a_pull_is_kept_by_upstream,
            a_silence_is_kept_until_it_is_broken,
            a_cool_down_is_kept_until_another_is_noted_after_its_end,
            a_cool_down_is_dropped_with_its_scope,
            only_so_many_budgets_are_kept,
            no_registry_pushes_out_anothers_budgets,
            what_was_told_last_is_kept_of_each_kind_and_subject,
            only_so_much_of_what_was_told_is_kept,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let (rows, _guard) = $fresh().await;
                $crate::ledger::$sentence(&rows).await;
            }
        )+
    };
}

/// Monday, 16 November 2026, 00:00 UTC, in hours since the UNIX epoch.
const MIDNIGHT: i64 = 498_624;

fn hour(hour: i64) -> Timestamp {
    Timestamp((MIDNIGHT + hour) * Period::Hour.milliseconds())
}

fn client(number: u8) -> Arc<Client> {
    Arc::new(Client {
        address: Some([10, 0, 0, number].into()),
        user: None,
        agent: "containerd".into(),
        workload: None,
    })
}

fn image(upstream: &str, repository: &str) -> Target {
    Target {
        upstream: upstream.into(),
        repository: repository.parse().unwrap(),
    }
}

fn spender(number: u8) -> Spender {
    Spender::Client {
        client: client(number),
        image: image("docker.io", "library/nginx"),
    }
}

/// A row of the hour, of a client by its number, asked for a minute after its begin; `n` tells its counts apart.
fn row(start: i64, number: u8, n: u64) -> PullRow {
    let at = Timestamp(hour(start).0 + 60_000);
    PullRow {
        period: Period::Hour,
        start: hour(start),
        spent: Spent {
            spender: spender(number),
            counts: PullCounts {
                requests: n,
                pulls: 2 * n,
                metered: 3 * n,
                after_index: 8 * n,
                bytes_cache: 4 * n,
                bytes_upstream: 5 * n,
                stale: 6 * n,
                errors: 7 * n,
            },
            first_at: at,
            last_at: at,
            reference: Some("1.27".into()),
        },
    }
}

async fn all<R: PullRows>(rows: &R) -> Vec<PullRow> {
    let page = rows.pulls(TimeRange::ALL, None, 10_000).await.unwrap();
    assert_eq!(page.next, None);
    page.rows
}

#[cfg(test)]
mod tests {
    use forebay_content::memory::MemoryLedger;

    #[expect(clippy::unused_async, reason = "the suite awaits what it is given")]
    async fn fresh() -> (MemoryLedger, ()) {
        (MemoryLedger::new(), ())
    }

    crate::ledger_suite!(fresh);
}
