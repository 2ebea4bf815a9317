//! What is told to those who ask: plain values, ready to be written as JSON.
//!
//! Times are milliseconds since the UNIX epoch, durations are whole seconds; what is unknown is absent or null, never zero.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use forebay_content::Client;
use forebay_limits::{Forecast, PullCost};
use serde::{Deserialize, Serialize};

use crate::origin;
use crate::rest_report::RestReport;

/// The longest name of a client's that a line shows, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 128;

/// A client, as far as clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientReport {
    /// Its address, or the /64 of several; `None` for our own work.
    pub address: Option<String>,
    /// The user that it logged in as here.
    pub user: Option<String>,
    /// The family of its user agent.
    pub agent: String,
    /// The pod or service that it says it works for.
    pub workload: Option<String>,
}

/// A storm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StormReport {
    /// Who asks.
    pub client: ClientReport,
    /// At which upstream.
    pub upstream: String,
    /// For which repository.
    pub repository: String,
    /// By which tag or digest.
    pub reference: String,
    /// How often now, in pulls a minute, those that failed counted.
    pub per_minute: u64,
    /// How often since it began.
    pub pulls: u64,
    /// When it began.
    pub since_unix_ms: i64,
    /// What it gets: `hit`, `stale`, or the word of an error.
    pub gets: Cow<'static, str>,
}

/// All that is known of budgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetsReport {
    /// When this was so.
    pub at_unix_ms: i64,
    /// By upstream.
    pub upstreams: Vec<UpstreamReport>,
}

/// What is known of one upstream's budgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpstreamReport {
    /// Which.
    pub upstream: String,
    /// Whether it counts pulls.
    pub metering: Metering,
    /// When it answered last, if it has.
    pub heard_unix_ms: Option<i64>,
    /// What one platform of a multi-platform image costs.
    pub pull_cost: CostReport,
    /// Its budgets, one for each whom it charges.
    pub budgets: Vec<BudgetReport>,
    /// What it is not asked for a while, because it refused us: what ends last comes first.
    #[serde(default)]
    pub rests: Vec<RestReport>,
}

/// Whether an upstream counts pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metering {
    /// It says what is left.
    Metered,
    /// It answers without a word on limits.
    Unmetered,
    /// It has not answered yet.
    Unknown,
}

/// One budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// The account of ours that asked; `None` for anonymous.
    pub account: Option<String>,
    /// Whom the registry charges, if it says so.
    pub source: Option<String>,
    /// We hold credentials, but the registry charges an address: they are not being applied.
    pub credentials_not_applied: bool,
    /// What the whole window allows.
    pub limit: Option<u64>,
    /// What is left now, as far as we know.
    pub remaining: u64,
    /// Pulls go through although the registry says that nothing is left: until it refuses one, we don't go by its number.
    #[serde(default)]
    pub contradicted: bool,
    /// The window's length.
    pub window_seconds: u64,
    /// When the registry last said so.
    pub seen_unix_ms: i64,
    /// How long ago that is.
    pub age_seconds: u64,
    /// Manifest GETs sent since.
    pub spent_since: u64,
    /// Where it is going.
    pub forecast: ForecastReport,
}

/// Where a budget is going at the present rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastReport {
    /// Pulls charged an hour.
    pub per_hour: Option<f64>,
    /// In what time it runs out.
    pub runs_out_in_seconds: Option<u64>,
    /// In what time the first pull is free again.
    pub opens_in_seconds: Option<u64>,
    /// In what time all of it is free again.
    pub is_full_in_seconds: Option<u64>,
}

/// What one platform of a multi-platform image costs, in pulls: an interval until enough was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostReport {
    /// At least.
    pub least: u64,
    /// At most.
    pub most: u64,
    /// On how many pulls that rests.
    pub seen: u32,
}

impl UpstreamReport {
    /// Of an upstream that has not been heard of.
    pub fn unknown(upstream: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            metering: Metering::Unknown,
            heard_unix_ms: None,
            pull_cost: PullCost::default().into(),
            budgets: Vec::new(),
            rests: Vec::new(),
        }
    }
}

impl StormReport {
    /// Who asks for what, in one line: the same for one storm, different for two.
    pub fn subject(&self) -> String {
        let reference = if self.reference.contains(':') {
            format!("@{}", self.reference)
        } else {
            format!(":{}", self.reference)
        };
        format!(
            "{} {}/{}{reference}",
            self.client, self.upstream, self.repository
        )
    }
}

impl ClientReport {
    /// All who ask from an address.
    pub(crate) fn at(address: IpAddr) -> Self {
        let client = Client {
            address: Some(address),
            ..Client::default()
        };
        (&client).into()
    }
}

impl From<&Client> for ClientReport {
    fn from(client: &Client) -> Self {
        // Some log in with a token for a name, or call themselves by one.
        let shown = |name: &str| forebay_limits::shown(name, MAX_NAME_BYTES);
        Self {
            address: client.address.map(origin::told),
            user: client.user.as_deref().map(shown),
            agent: shown(&client.agent),
            workload: client.workload.as_deref().map(shown),
        }
    }
}

/// What a client calls itself is quoted where it could be taken for more than one word of ours.
impl fmt::Display for ClientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address.as_deref().unwrap_or("ourselves"))?;
        if let Some(user) = &self.user {
            write!(f, " user {}", quoted(user))?;
        }
        if !self.agent.is_empty() {
            write!(f, " {}", quoted(&self.agent))?;
        }
        if let Some(workload) = &self.workload {
            write!(f, " for {}", quoted(workload))?;
        }
        Ok(())
    }
}

fn quoted(name: &str) -> Cow<'_, str> {
    let is_more = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'');
    if name.contains(is_more) {
        format!("{name:?}").into()
    } else {
        name.into()
    }
}

impl From<Forecast> for ForecastReport {
    fn from(forecast: Forecast) -> Self {
        Self {
            per_hour: forecast.per_hour,
            runs_out_in_seconds: forecast.runs_out_in.as_ref().map(Duration::as_secs),
            opens_in_seconds: forecast.opens_in.as_ref().map(Duration::as_secs),
            is_full_in_seconds: forecast.is_full_in.as_ref().map(Duration::as_secs),
        }
    }
}

impl From<PullCost> for CostReport {
    fn from(cost: PullCost) -> Self {
        let pulls = cost.pulls();
        Self {
            least: *pulls.start(),
            most: *pulls.end(),
            seen: cost.once.saturating_add(cost.twice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_calls_itself_ends_where_it_ends() {
        let client = |user: &str, workload: &str| ClientReport {
            address: Some("10.0.0.1".to_owned()),
            user: Some(user.to_owned()),
            agent: "curl".to_owned(),
            workload: Some(workload.to_owned()),
        };
        for (user, workload, told) in [
            ("ci", "shop/cart", "10.0.0.1 user ci curl for shop/cart"),
            (
                "a docker for b, docker.io/x",
                "\"c",
                "10.0.0.1 user \"a docker for b, docker.io/x\" curl for \"\\\"c\"",
            ),
        ] {
            assert_eq!(client(user, workload).to_string(), told);
        }
    }

    #[test]
    fn what_a_client_calls_itself_holds_no_token_and_nothing_that_a_terminal_obeys() {
        let client = Client {
            address: None,
            user: Some("dckr_pat_s3cretS3cretS3cret".into()),
            agent: "ghp_s3cretS3cretS3cretS3cret".into(),
            workload: Some("shop/cart\u{1b}[2J\r\ntoken=s3cretS3cretS3cret\u{202e}".into()),
        };
        let report = ClientReport::from(&client);
        let told = format!("{report} {report:?}");
        assert!(!told.to_ascii_lowercase().contains("s3cret"), "{told}");
        assert!(told.contains("shop/cart"), "{told}");
        let is_hidden = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!told.contains(is_hidden), "{told:?}");
    }
}
