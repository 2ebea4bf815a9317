//! The rules of alerts and of the ledger: bounds, and where webhooks are.

use std::time::Duration;

use super::bounded;
use crate::error::{ConfigProblem, Problems};
use crate::file::{AlertsFile, LedgerFile};
use crate::resolved::{AlertsConfig, LedgerConfig, WebhookConfig};
use crate::secret_file::choose_secret;
use crate::value::{TimeSpan, WebhookFile};

/// The most webhooks.
const MAX_WEBHOOKS: usize = 16;

/// The shortest and longest quiet time.
const QUIET: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(30 * 24)];

/// The shortest and longest time for which the ledger is kept.
const KEEP: [Duration; 2] = [Duration::from_hours(24), Duration::from_hours(3_650 * 24)];

/// The lowest and highest threshold of a storm, in requests a minute.
const STORM: [u32; 2] = [2, 300];

/// What is written of alerts.
pub(super) fn resolve(alerts: &AlertsFile, problems: &mut Problems) -> AlertsConfig {
    let quiet = TimeSpan(QUIET[0])..=TimeSpan(QUIET[1]);
    let webhooks = &alerts.webhooks.value;
    if webhooks.len() > MAX_WEBHOOKS {
        let what = format!(
            "`alerts.webhooks` has {} webhooks, at most {MAX_WEBHOOKS} are taken",
            webhooks.len()
        );
        problems.push(ConfigProblem::new(&alerts.webhooks.origin, what));
    }
    AlertsConfig {
        floor_percent: alerts.floor.value.0,
        quiet: bounded("alerts.quiet", &alerts.quiet, &quiet, problems).0,
        disk_floor_percent: alerts.disk_floor.value.0,
        webhooks: webhooks
            .iter()
            .filter_map(|webhook| resolve_webhook(webhook, problems))
            .collect(),
    }
}

/// What is written of the ledger.
pub(super) fn resolve_ledger(ledger: &LedgerFile, problems: &mut Problems) -> LedgerConfig {
    let keep = TimeSpan(KEEP[0])..=TimeSpan(KEEP[1]);
    let threshold = ledger.storm_threshold.value.0;
    if !(STORM[0]..=STORM[1]).contains(&threshold) {
        let what = format!(
            "`ledger.storm_threshold` is {threshold}, wanted {} to {}",
            STORM[0], STORM[1]
        );
        problems.push(ConfigProblem::new(&ledger.storm_threshold.origin, what));
    }
    LedgerConfig {
        keep: bounded("ledger.keep", &ledger.keep, &keep, problems).0,
        storm_threshold: usize::try_from(threshold).unwrap_or(usize::MAX),
    }
}

fn resolve_webhook(webhook: &WebhookFile, problems: &mut Problems) -> Option<WebhookConfig> {
    match choose_secret("alerts.webhooks.url", &webhook.url, &webhook.url_file) {
        Ok(Some(url)) if is_address(url.expose()) => Some(WebhookConfig {
            url,
            form: webhook.form,
            private: webhook.private,
        }),
        Ok(Some(_)) => {
            let what = "`alerts.webhooks` has a webhook whose `url` is no http or https URL without user and password";
            problems.push(ConfigProblem::new(&webhook.place, what));
            None
        }
        Ok(None) => {
            let what = "`alerts.webhooks` has a webhook without `url` or `url_file`";
            problems.push(ConfigProblem::new(&webhook.place, what));
            None
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// As forebay-outside will have it.
fn is_address(text: &str) -> bool {
    text.parse::<url::Url>().is_ok_and(|url| {
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_http && url.username().is_empty() && url.password().is_none()
    })
}
