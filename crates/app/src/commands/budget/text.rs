//! Budgets in words.
//!
//! Pure. What is unknown is said to be unknown, and never shown as zero.

use std::fmt::Write as _;

use forebay_ledger::{
    BudgetReport, BudgetsReport, CostReport, Metering, RestReport, UpstreamReport,
};
use forebay_terminal::amounts::{moment, span};

/// All of it.
pub(super) fn told(report: &BudgetsReport) -> String {
    let mut lines = Vec::new();
    for upstream in &report.upstreams {
        lines.push(format!("{}  {}", upstream.upstream, metering(upstream)));
        lines.extend(upstream.rests.iter().map(rest));
        for budget in &upstream.budgets {
            lines.extend(budget_lines(&upstream.upstream, budget));
        }
        if upstream.metering == Metering::Metered {
            lines.push(format!("  {}", cost(upstream.pull_cost)));
        }
    }
    lines.join("\n")
}

fn metering(upstream: &UpstreamReport) -> String {
    match (upstream.metering, upstream.heard_unix_ms) {
        (Metering::Metered, _) => "metered".to_owned(),
        (Metering::Unmetered, Some(at)) => {
            format!(
                "unmetered: it says nothing of limits, last at {}",
                moment(at)
            )
        }
        (Metering::Unmetered, None) => "unmetered: it says nothing of limits".to_owned(),
        (Metering::Unknown, _) => "unknown: it has not answered for a manifest yet".to_owned(),
    }
}

fn rest(rest: &RestReport) -> String {
    format!(
        "  resting until {} ({}): {rest}",
        moment(rest.until_unix_ms),
        span(rest.left_seconds)
    )
}

fn budget_lines(upstream: &str, budget: &BudgetReport) -> Vec<String> {
    let mut line = format!("  {}: ", payer(budget));
    // Writing to a string does not fail.
    let _ = match budget.limit {
        Some(limit) => write!(line, "{} of {limit} pulls left", budget.remaining),
        None => write!(line, "{} pulls left", budget.remaining),
    };
    let _ = write!(
        line,
        " (window {}); seen {} ago, {} sent since",
        span(budget.window_seconds),
        span(budget.age_seconds),
        budget.spent_since
    );
    let mut lines = vec![line];
    if budget.contradicted {
        lines
            .push("    pulls go through all the same: not gone by until one is refused".to_owned());
    } else {
        lines.extend(forecast(budget).map(|forecast| format!("    {forecast}")));
    }
    if budget.credentials_not_applied {
        let source = budget.source.as_deref().unwrap_or("an address");
        lines.push(format!(
            "    our credentials are not being applied: {upstream} charges {source}"
        ));
    }
    lines
}

fn payer(budget: &BudgetReport) -> String {
    let who = match &budget.account {
        Some(account) => format!("account {account}"),
        None => "anonymous".to_owned(),
    };
    match &budget.source {
        Some(source) => format!("{who}, charged to {source}"),
        None => who,
    }
}

fn forecast(budget: &BudgetReport) -> Option<String> {
    let forecast = budget.forecast;
    let back = forecast.is_full_in_seconds.map(span);
    if let Some(opens) = forecast.opens_in_seconds {
        let all = back.map_or_else(String::new, |back| format!(", all of it within {back}"));
        return Some(format!(
            "used up; the next pull is possible in about {}{all}",
            span(opens)
        ));
    }
    let rate = forecast.per_hour.filter(|rate| *rate > 0.0);
    match (rate, forecast.runs_out_in_seconds) {
        (Some(rate), Some(runs_out)) => Some(format!(
            "at {rate:.0} pulls an hour it runs out in {}",
            span(runs_out)
        )),
        (Some(rate), None) => Some(format!("at {rate:.0} pulls an hour it does not run out")),
        (None, _) => back.map(|back| format!("all of it is back within {back}")),
    }
}

fn cost(cost: CostReport) -> String {
    let CostReport { least, most, seen } = cost;
    if least == most {
        format!("one platform of a multi-platform image costs {least}, seen {seen} times")
    } else {
        format!(
            "one platform of a multi-platform image costs {least} to {most}: seen {seen} times, not enough to tell"
        )
    }
}

#[cfg(test)]
mod tests {
    use forebay_ledger::{ForecastReport, RestWhy, Rested};

    use super::*;

    fn budget() -> BudgetReport {
        BudgetReport {
            account: None,
            source: Some("192.0.2.1".to_owned()),
            credentials_not_applied: false,
            limit: Some(100),
            remaining: 45,
            contradicted: false,
            window_seconds: 21_600,
            seen_unix_ms: 0,
            age_seconds: 120,
            spent_since: 3,
            forecast: ForecastReport {
                per_hour: Some(12.0),
                runs_out_in_seconds: Some(13_500),
                opens_in_seconds: None,
                is_full_in_seconds: Some(21_480),
            },
        }
    }

    fn metered(budget: BudgetReport) -> BudgetsReport {
        BudgetsReport {
            at_unix_ms: 0,
            upstreams: vec![UpstreamReport {
                metering: Metering::Metered,
                budgets: vec![budget],
                ..UpstreamReport::unknown("docker.io")
            }],
        }
    }

    #[test]
    fn a_budget_says_who_pays_what_is_left_and_where_it_goes() {
        insta::assert_snapshot!(told(&metered(budget())), @r"
        docker.io  metered
          anonymous, charged to 192.0.2.1: 45 of 100 pulls left (window 6 h); seen 2 min ago, 3 sent since
            at 12 pulls an hour it runs out in 3 h 45 min
          one platform of a multi-platform image costs 1 to 2: seen 0 times, not enough to tell
        ");
    }

    #[test]
    fn credentials_that_are_not_applied_and_an_empty_budget_are_told() {
        let empty = BudgetReport {
            account: Some("ci".to_owned()),
            credentials_not_applied: true,
            remaining: 0,
            forecast: ForecastReport {
                per_hour: None,
                runs_out_in_seconds: None,
                opens_in_seconds: Some(1_200),
                is_full_in_seconds: Some(21_480),
            },
            ..budget()
        };
        insta::assert_snapshot!(told(&metered(empty)), @r"
        docker.io  metered
          account ci, charged to 192.0.2.1: 0 of 100 pulls left (window 6 h); seen 2 min ago, 3 sent since
            used up; the next pull is possible in about 20 min, all of it within 5 h 58 min
            our credentials are not being applied: docker.io charges 192.0.2.1
          one platform of a multi-platform image costs 1 to 2: seen 0 times, not enough to tell
        ");
    }

    #[test]
    fn what_rests_is_told_before_what_is_left() {
        let rest = |what, account: Option<&str>, why, left_seconds| RestReport {
            what,
            account: account.map(str::to_owned),
            why,
            since_unix_ms: 1_795_239_699_000,
            until_unix_ms: 1_795_239_759_000,
            left_seconds,
        };
        let mut report = metered(budget());
        report.upstreams[0].rests = vec![
            rest(Rested::Login, Some("ci"), RestWhy::LoginRefused, 600),
            rest(Rested::Everything, None, RestWhy::AbuseLimit, 60),
            rest(Rested::Pulls, None, RestWhy::PullLimit, 45),
        ];
        insta::assert_snapshot!(told(&report), @r"
        docker.io  metered
          resting until 2026-11-21T05:42:39Z (10 min): our login as account ci, which was refused
          resting until 2026-11-21T05:42:39Z (1 min): everything from our address, by its abuse limit
          resting until 2026-11-21T05:42:39Z (45 s): manifests without an account, by its pull limit
          anonymous, charged to 192.0.2.1: 45 of 100 pulls left (window 6 h); seen 2 min ago, 3 sent since
            at 12 pulls an hour it runs out in 3 h 45 min
          one platform of a multi-platform image costs 1 to 2: seen 0 times, not enough to tell
        ");
    }

    #[test]
    fn a_number_that_the_registry_does_not_go_by_is_told_as_such() {
        let contradicted = BudgetReport {
            remaining: 0,
            contradicted: true,
            forecast: ForecastReport {
                opens_in_seconds: Some(1_200),
                ..budget().forecast
            },
            ..budget()
        };
        insta::assert_snapshot!(told(&metered(contradicted)), @r"
        docker.io  metered
          anonymous, charged to 192.0.2.1: 0 of 100 pulls left (window 6 h); seen 2 min ago, 3 sent since
            pulls go through all the same: not gone by until one is refused
          one platform of a multi-platform image costs 1 to 2: seen 0 times, not enough to tell
        ");
    }

    #[test]
    fn what_is_not_metered_or_not_known_is_never_zero() {
        let mut report = metered(budget());
        report.upstreams = vec![
            UpstreamReport {
                metering: Metering::Unmetered,
                heard_unix_ms: Some(1_795_239_699_000),
                ..UpstreamReport::unknown("ghcr.io")
            },
            UpstreamReport::unknown("quay.io"),
        ];
        insta::assert_snapshot!(told(&report), @r"
        ghcr.io  unmetered: it says nothing of limits, last at 2026-11-21T05:41:39Z
        quay.io  unknown: it has not answered for a manifest yet
        ");
    }
}
