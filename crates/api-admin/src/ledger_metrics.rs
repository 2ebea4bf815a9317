//! What the ledger knows, as metrics: budgets and where they go, what rests, storms, alerts.
//!
//! Labels are upstreams of the configuration and who is charged there, as one of two words: accounts, addresses and clients
//! are no labels.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use forebay_ledger::{BudgetReport, UpstreamReport};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::metrics::{Count, Level, level, plain, seconds};

/// What is known at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerReadings {
    /// Budgets, by upstream.
    pub budgets: Vec<UpstreamReport>,
    /// How many storms there are, by upstream.
    pub storms: BTreeMap<String, u64>,
    /// How many storms have begun.
    pub storms_begun: u64,
    /// Alerts that a webhook took.
    pub alerts_delivered: u64,
    /// Alerts that a webhook did not take.
    pub alerts_failed: u64,
}

/// The metrics.
pub(crate) struct LedgerMetrics {
    limit: Family<Charged, Level>,
    remaining: Family<Charged, Level>,
    runs_out: Family<Charged, Level>,
    full: Family<Charged, Level>,
    not_applied: Family<Of, Level>,
    rests: Family<Resting, Level>,
    storms: Family<Of, Level>,
    storms_begun: Count,
    alerts_delivered: Count,
    alerts_failed: Count,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Charged {
    upstream: String,
    identity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resting {
    upstream: String,
    what: &'static str,
    why: &'static str,
}

impl LedgerMetrics {
    pub(crate) fn new(to: &mut Registry) -> Self {
        Self {
            limit: plain(to, "budget_limit", "Pulls that a whole window allows"),
            remaining: plain(
                to,
                "budget_remaining",
                "Pulls left: what the registry last said, less what was sent since",
            ),
            runs_out: seconds(
                to,
                "budget_runs_out",
                "Until the budget is empty at the present rate; not there if it is not going to be",
            ),
            full: seconds(
                to,
                "budget_full",
                "Until all of the budget is back if nothing more is spent",
            ),
            not_applied: plain(
                to,
                "budget_credentials_not_applied",
                "1 if the registry charges an address although we have credentials",
            ),
            rests: seconds(
                to,
                "upstream_rest",
                "Until an upstream that refused us is asked for this again; not there if nothing rests",
            ),
            storms: plain(
                to,
                "storms",
                "Clients that ask for the same image again and again",
            ),
            storms_begun: plain(to, "storms_begun", "Storms that began"),
            alerts_delivered: plain(to, "alerts_delivered", "Alerts that a webhook took"),
            alerts_failed: plain(to, "alerts_failed", "Alerts that a webhook did not take"),
        }
    }

    /// Shows what is known now, and nothing that is not known any more.
    pub(crate) fn show(&self, readings: &LedgerReadings) {
        for family in [&self.limit, &self.remaining, &self.runs_out, &self.full] {
            family.clear();
        }
        self.not_applied.clear();
        self.rests.clear();
        self.storms.clear();
        for upstream in &readings.budgets {
            self.show_rests(upstream);
            for identity in ["anonymous", "account"] {
                let of = |budget: &&BudgetReport| identity_of(budget) == identity;
                let budgets = upstream.budgets.iter().filter(of);
                // An older one of the same identity says only what was.
                if let Some(budget) = budgets.max_by_key(|budget| budget.seen_unix_ms) {
                    self.show_budget(&upstream.upstream, budget);
                }
            }
        }
        for (upstream, storms) in &readings.storms {
            let of = Of {
                upstream: upstream.clone(),
            };
            self.storms.get_or_create(&of).set(level(*storms));
        }
        for (count, value) in [
            (&self.storms_begun, readings.storms_begun),
            (&self.alerts_delivered, readings.alerts_delivered),
            (&self.alerts_failed, readings.alerts_failed),
        ] {
            count.inner().store(value, Ordering::Relaxed);
        }
    }

    /// Of several accounts the one whose rest ends last.
    fn show_rests(&self, upstream: &UpstreamReport) {
        for rest in upstream.rests.iter().rev() {
            let resting = Resting {
                upstream: upstream.upstream.clone(),
                what: rest.what.as_str(),
                why: rest.why.as_str(),
            };
            let left = level(rest.left_seconds);
            self.rests.get_or_create(&resting).set(left);
        }
    }

    fn show_budget(&self, upstream: &str, budget: &BudgetReport) {
        let charged = Charged {
            upstream: upstream.to_owned(),
            identity: identity_of(budget),
        };
        for (family, value) in [
            (&self.limit, budget.limit),
            (&self.remaining, Some(budget.remaining)),
            (&self.runs_out, budget.forecast.runs_out_in_seconds),
            (&self.full, budget.forecast.is_full_in_seconds),
        ] {
            if let Some(value) = value {
                family.get_or_create(&charged).set(level(value));
            }
        }
        if budget.account.is_some() {
            let of = Of {
                upstream: upstream.to_owned(),
            };
            let not_applied = i64::from(budget.credentials_not_applied);
            self.not_applied.get_or_create(&of).set(not_applied);
        }
    }
}

const fn identity_of(budget: &BudgetReport) -> &'static str {
    if budget.account.is_some() {
        "account"
    } else {
        "anonymous"
    }
}

#[cfg(test)]
mod tests {
    use forebay_ledger::{ForecastReport, Metering, RestReport, RestWhy, Rested};
    use prometheus_client::encoding::text;

    use super::*;

    fn budget(account: Option<&str>, remaining: u64, seen_unix_ms: i64) -> BudgetReport {
        BudgetReport {
            account: account.map(str::to_owned),
            source: Some(format!("192.0.2.{seen_unix_ms}")),
            credentials_not_applied: account.is_some(),
            contradicted: false,
            limit: Some(100),
            remaining,
            window_seconds: 21_600,
            seen_unix_ms,
            age_seconds: 0,
            spent_since: 0,
            forecast: ForecastReport {
                per_hour: None,
                runs_out_in_seconds: (remaining < 10).then_some(60),
                opens_in_seconds: None,
                is_full_in_seconds: None,
            },
        }
    }

    fn rest(account: &str, left_seconds: u64) -> RestReport {
        RestReport {
            what: Rested::Pulls,
            account: Some(account.to_owned()),
            why: RestWhy::PullLimit,
            since_unix_ms: 0,
            until_unix_ms: 0,
            left_seconds,
        }
    }

    #[test]
    fn of_what_rests_the_longest_is_shown_and_nothing_once_it_is_over() {
        let mut registry = Registry::with_prefix("forebay");
        let metrics = LedgerMetrics::new(&mut registry);
        let readings = LedgerReadings {
            budgets: vec![UpstreamReport {
                rests: vec![rest("ci", 300), rest("dev", 60)],
                ..UpstreamReport::unknown("docker.io")
            }],
            ..LedgerReadings::default()
        };
        let text = rendered(&metrics, &registry, &readings);
        let line = "forebay_upstream_rest_seconds{upstream=\"docker.io\",what=\"pulls\",why=\"pull_limit\"} 300";
        assert!(text.lines().any(|have| have == line), "{text}");
        assert!(!text.contains("\"ci\""), "{text}");
        let text = rendered(&metrics, &registry, &LedgerReadings::default());
        assert!(!text.contains("docker.io"), "{text}");
    }

    fn rendered(metrics: &LedgerMetrics, registry: &Registry, readings: &LedgerReadings) -> String {
        metrics.show(readings);
        let mut text = String::new();
        text::encode_registry(&mut text, registry).unwrap();
        text
    }

    #[test]
    fn the_latest_budget_of_each_identity_is_shown_and_nothing_that_is_not_known() {
        let mut registry = Registry::with_prefix("forebay");
        let metrics = LedgerMetrics::new(&mut registry);
        let readings = LedgerReadings {
            budgets: vec![
                UpstreamReport {
                    metering: Metering::Metered,
                    budgets: vec![
                        budget(None, 50, 1),
                        budget(None, 7, 2),
                        budget(Some("ci"), 90, 1),
                    ],
                    ..UpstreamReport::unknown("docker.io")
                },
                UpstreamReport {
                    metering: Metering::Unmetered,
                    ..UpstreamReport::unknown("ghcr.io")
                },
            ],
            storms: BTreeMap::from([("docker.io".to_owned(), 3)]),
            storms_begun: 5,
            alerts_delivered: 2,
            alerts_failed: 1,
        };
        let text = rendered(&metrics, &registry, &readings);
        for line in [
            r#"forebay_budget_remaining{upstream="docker.io",identity="anonymous"} 7"#,
            r#"forebay_budget_remaining{upstream="docker.io",identity="account"} 90"#,
            r#"forebay_budget_runs_out_seconds{upstream="docker.io",identity="anonymous"} 60"#,
            r#"forebay_budget_credentials_not_applied{upstream="docker.io"} 1"#,
            r#"forebay_storms{upstream="docker.io"} 3"#,
            "forebay_storms_begun_total 5",
            "forebay_alerts_delivered_total 2",
            "forebay_alerts_failed_total 1",
        ] {
            assert!(
                text.lines().any(|have| have == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(
            !text.contains("ghcr.io") && !text.contains("\"ci\""),
            "{text}"
        );
        let text = rendered(&metrics, &registry, &LedgerReadings::default());
        assert!(!text.contains("docker.io"), "{text}");
    }
}
